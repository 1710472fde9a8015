//! What a topic needs to know of the state it carries, and of those who watch it.

/// A state that subscribers follow: it can be shown whole, or as what changed.
pub trait Live: Send + 'static {
    /// One change, as the replay ring keeps it.
    type Step: Send + 'static;
    /// What a subscriber writes: encoded once, so cloning must be a pointer copy.
    type Frame: Clone + Send + Sync + 'static;

    /// The whole present state, or `None` while there is nothing to show yet:
    /// a subscriber without a position then waits for the first step.
    fn snapshot(&mut self) -> Option<Self::Frame>;

    /// One frame that takes a subscriber which saw everything before `missed`
    /// to the present. Called with at least one step, oldest first.
    fn fold<'a>(&mut self, missed: impl Iterator<Item = &'a Self::Step>) -> Self::Frame;

    /// What keeping `step` in the ring costs, in a unit of the caller's choice.
    fn weight(step: &Self::Step) -> usize;
}

/// One published change: what the ring keeps, and what up-to-date subscribers get.
pub struct Published<L: Live> {
    /// Kept for those who come late.
    pub step: L::Step,
    /// Handed to every subscriber that has seen the step before.
    pub frame: L::Frame,
}

/// Told when a topic gains its first subscriber and when it loses its last.
///
/// Both are called under the topic's lock, so they cannot overtake each other;
/// they must neither block nor call the topic.
pub trait Audience: Send + Sync + 'static {
    /// A subscriber joined a topic that had none.
    fn first_in(&self);
    /// The last subscriber left.
    fn last_out(&self);
}

/// For topics whose state arrives whether or not anybody watches.
impl Audience for () {
    fn first_in(&self) {}
    fn last_out(&self) {}
}
