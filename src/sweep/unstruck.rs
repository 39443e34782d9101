//! What a sweep says of scenarios that never came about.

use super::Sweep;
use crate::protocol::visible;

impl Sweep {
    /// Which faults that must strike never did, in a sentence; `None` if none is missing.
    #[must_use]
    pub fn tell_unstruck(&self) -> Option<String> {
        let (worlds, system) = (self.worlds, visible(&self.system));
        (!self.unstruck.is_empty())
            .then(|| format!("in none of {worlds} worlds of \"{system}\" struck {}", self.unstruck.join(", nor ")))
    }
}
