//! How a world is left: nodes are dropped one by one, since the code under test may panic there as well.

use std::mem;

use super::{Arena, Fates, Observer, Stats, World};
use crate::protocol::{NodeId, StateMachine, Time};
use crate::running::{Doing, catch_panic_at};

impl<M: StateMachine, F: Fates, O: Observer<M>> World<'_, M, F, O> {
    /// If one panics, those behind it are still there.
    pub(super) fn drop_machines(&mut self) {
        for (node, driver) in self.nodes.iter_mut().enumerate() {
            self.running.doing(Doing::Drop(NodeId::new(node)));
            driver.machine = None;
        }
        self.running.doing(Doing::Leave);
    }

    /// What it leaves to another world, when it has come to its end.
    pub(crate) fn leave(self) -> Arena<M> {
        let mut arena = Arena { nodes: self.nodes, queue: Some(self.queue), effects: self.effects };
        arena.clear();
        arena
    }

    /// How far it has come.
    pub(crate) fn so_far(&mut self) -> (Time, Stats) {
        (self.now, mem::take(&mut self.stats))
    }

    /// Drops all that a world holds that a panic has ended, whatever of it panics once more.
    pub(crate) fn drop_all(self) {
        let Self { clients, fates, mut nodes, mut queue, effects, requests, armed, .. } = self;
        for driver in nodes.drain(..) {
            let _ = catch_panic_at(|| drop(driver));
        }
        while let Some(pending) = queue.pop() {
            let _ = catch_panic_at(|| drop(pending));
        }
        for effect in effects {
            let _ = catch_panic_at(|| drop(effect));
        }
        for request in requests {
            let _ = catch_panic_at(|| drop(request));
        }
        let _ = catch_panic_at(|| drop(armed));
        let _ = catch_panic_at(|| drop((clients, fates)));
    }
}
