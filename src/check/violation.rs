//! A broken promise, as data.

use std::fmt;

use crate::protocol::{Time, one_line, visible};

/// How a promise is broken: what a check says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// What sort of breach, in a word or two that stay the same when the run is shrunk: a smaller run shows the same
    /// failure only if its check and its sort are the same.
    pub sort: &'static str,
    /// What it is about, such as `key "cart"`, where a run can break one promise about several things; else empty. A
    /// smaller run shows the same failure only if it is about the same.
    pub subject: String,
    /// Where it comes from, where breaches of one sort can come from several places: a panic, or a promise whose text is its
    /// only sort. A smaller run shows the same failure only if it comes from the same.
    pub source: Source,
    /// What is wrong, on one line.
    pub summary: String,
    /// Why, a sentence each, without the word "because".
    pub because: Vec<String>,
}

impl Breach {
    /// A breach of this sort.
    pub fn new(sort: &'static str, summary: impl Into<String>) -> Self {
        Self { sort, subject: String::new(), source: Source::default(), summary: summary.into(), because: Vec::new() }
    }

    /// Says where it comes from.
    #[must_use]
    pub fn from(mut self, source: Source) -> Self {
        self.source = source;
        self
    }

    /// Says what it is about.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }

    /// Adds a reason.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.because.push(reason.into());
        self
    }
}

/// Where a breach comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// In the source code, such as `src/main.rs:12:5`; empty if nobody knows.
    pub place: Box<str>,
    /// What was said, without what varies from run to run; empty if that does not matter.
    pub words: Box<str>,
}

impl Source {
    /// Where this was said. Of the text that counts which stays the same when the same is said of another run: its first line,
    /// without numbers, and without what stands in quotes or brackets.
    ///
    /// ```
    /// use distributed_data_consistency::check::Source;
    ///
    /// let said = |text: &str| Source::of("", text);
    /// assert_eq!(said("node 1 knows [1, 2], not \"cart\""), said("node 12 knows [], not \"user\""));
    /// assert_eq!(said("nodes know 3, 4 and 5"), said("nodes know 3 and 7"));
    /// assert_ne!(said("a write is lost"), said("a write is stale"));
    /// ```
    #[must_use]
    pub fn of(place: impl Into<Box<str>>, text: &str) -> Self {
        Self { place: place.into(), words: words_of(text).into() }
    }
}

/// The words of a text that stay the same from run to run.
fn words_of(text: &str) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let (mut plain, mut depth, mut quoted, mut escaped) = (String::new(), 0_u32, false, false);
    for char in line.chars() {
        match char {
            _ if quoted => (quoted, escaped) = (char != '"' || escaped, char == '\\' && !escaped),
            '"' => {
                quoted = true;
                plain.push('…');
            }
            '[' | '(' | '{' => {
                depth += 1;
                plain.push('…');
            }
            ']' | ')' | '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(char),
            _ => {}
        }
    }
    let mut words: Vec<&str> = Vec::new();
    for word in plain.split_whitespace() {
        // `3, 4 and 5` is as long as there are numbers.
        let word = if word.chars().any(|char| char.is_ascii_digit()) { "#" } else { word };
        let goes_on = matches!(words.as_slice(), [.., "#", "and"]) && word == "#";
        if goes_on {
            words.pop();
        } else if word != "#" || words.last() != Some(&"#") {
            words.push(word);
        }
    }
    words.join(" ")
}

/// Which check was violated, when, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The check.
    pub check: String,
    /// How.
    pub breach: Breach,
    /// In which step of the run, or after which.
    pub step: u64,
    /// When.
    pub at: Time,
}

impl Violation {
    /// The sort of breach of a world that was never drawn.
    pub(crate) const NOT_DRAWN: &'static str = "not drawn";

    /// True if `other` is the same failure: the same check, broken in the same sort of way, from the same source, about the same
    /// subject.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        self.is_about(other, &other.breach.subject)
    }

    /// True if `other` is the same failure, but for its subject, which goes by the name `subject` here.
    #[must_use]
    pub fn is_about(&self, other: &Self, subject: &str) -> bool {
        self.is_kin(other) && self.breach.subject == subject
    }

    /// True if the code under test panicked before there was a world: it has no plan, and only its seed shows it again.
    #[must_use]
    pub fn is_not_drawn(&self) -> bool {
        self.breach.sort == Self::NOT_DRAWN
    }

    /// True if `other` is the same failure, whatever it is about: of one that breaks a promise about several things, any.
    #[must_use]
    pub fn is_kin(&self, other: &Self) -> bool {
        let (one, another) = (&self.breach, &other.breach);
        self.check == other.check && one.sort == another.sort && one.source == another.source
    }
}

/// `siblings: key "cart" lost write b (by node 1) on node 2`
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", visible(&self.check), one_line(&self.breach.summary))
    }
}
