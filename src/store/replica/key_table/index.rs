//! Where in a list each key is.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;

/// The fewest places of an index, as a power of two.
const BITS_MIN: u32 = 5;

/// Stands where a place of the list would, and is none.
const FREE: u32 = u32::MAX;

/// A table with open addressing: a look costs one line of the cache, or two.
///
/// Hash and place lie side by side. With half of the hash there a table grows, and a key moves up when one before it goes,
/// without a look at any key.
#[derive(Debug)]
pub(super) struct Index {
    /// invariant: 2^bits of them, at least a quarter free; between where a key's hash points and where it is none is.
    cells: Vec<Cell>,
    bits: u32,
    count: usize,
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    hash: u32,
    place: u32,
}

impl Cell {
    const FREE: Self = Self { hash: 0, place: FREE };
}

impl Default for Index {
    fn default() -> Self {
        Self { cells: vec![Cell::FREE; 1 << BITS_MIN], bits: BITS_MIN, count: 0, hasher: RandomState::default() }
    }
}

impl Index {
    /// The place of a key, of which `is_it` tells that the key is there.
    #[inline]
    pub(super) fn find(&self, key: &str, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let hash = self.hash(key);
        let mut at = self.home(hash);
        loop {
            let cell = self.cells[at];
            if cell.place == FREE {
                return None;
            }
            if cell.hash == hash && is_it(cell.place as usize) {
                return Some(cell.place as usize);
            }
            at = self.after(at);
        }
    }

    /// Takes in a key that is not there.
    ///
    /// # Panics
    /// If there are 2^32 keys.
    pub(super) fn insert(&mut self, key: &str, place: usize) {
        let place = u32::try_from(place).ok().filter(|place| *place != FREE);
        let place = place.expect("expect: a node has less than 2^32 keys");
        if (self.count + 1) * 4 > self.cells.len() * 3 {
            self.grow();
        }
        self.count += 1;
        self.settle(Cell { hash: self.hash(key), place });
    }

    /// Takes away a key that has this place.
    pub(super) fn remove(&mut self, key: &str, place: usize) {
        let mut hole = self.cell_of(key, place);
        let mut at = hole;
        loop {
            at = self.after(at);
            let cell = self.cells[at];
            if cell.place == FREE {
                break;
            }
            // Whoever had to go on past the hole moves into it.
            if self.distance(self.home(cell.hash), at) >= self.distance(hole, at) {
                self.cells[hole] = cell;
                hole = at;
            }
        }
        self.cells[hole] = Cell::FREE;
        self.count -= 1;
    }

    /// A key that had one place has another.
    pub(super) fn replace(&mut self, key: &str, from: usize, to: usize) {
        let at = self.cell_of(key, from);
        self.cells[at].place = to as u32;
    }

    fn cell_of(&self, key: &str, place: usize) -> usize {
        let mut at = self.home(self.hash(key));
        while self.cells[at].place as usize != place {
            assert!(self.cells[at].place != FREE, "expect: a key that is held is in the index");
            at = self.after(at);
        }
        at
    }

    fn grow(&mut self) {
        self.bits += 1;
        let cells = std::mem::replace(&mut self.cells, vec![Cell::FREE; 1 << self.bits]);
        cells.into_iter().filter(|cell| cell.place != FREE).for_each(|cell| self.settle(cell));
    }

    fn settle(&mut self, cell: Cell) {
        let mut at = self.home(cell.hash);
        while self.cells[at].place != FREE {
            at = self.after(at);
        }
        self.cells[at] = cell;
    }

    #[inline]
    fn hash(&self, key: &str) -> u32 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key.as_bytes());
        hasher.finish() as u32
    }

    /// Where a hash points: its upper bits tell.
    #[inline]
    fn home(&self, hash: u32) -> usize {
        (hash >> (u32::BITS - self.bits)) as usize
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.cells.len() - 1)
    }

    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & (self.cells.len() - 1)
    }
}
