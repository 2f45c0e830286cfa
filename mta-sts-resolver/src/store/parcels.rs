use mta_sts_core::PolicyDomain;

use super::StoreFuture;

/// Parcels: texts that one machine leaves for another in a store that both share, such as counts for reports.
///
/// Each parcel has an owner, who keeps it until it has arrived, and a machine that has claimed it. A machine that is killed in between
/// claims the same parcel after its restart, and no other machine gets it: so its contents are used once. Parcels belong to a group, the domain
/// that the reports come from.
///
/// | step | by | |
/// |---|---|---|
/// | [`Parcels::leave`] | the owner | again, if [`Parcels::state`] says that the store has lost it |
/// | [`Parcels::claim`] | another machine | then it saves the contents together with the id |
/// | [`Parcels::settle`] | the same machine | from now on, [`Parcels::state`] says [`ParcelState::Arrived`] for 30 days |
pub trait Parcels: Send + Sync {
    /// Leaves a parcel for other machines, unless it is there or has arrived.
    fn leave<'a>(&'a self, group: &'a PolicyDomain, parcel: &'a Parcel) -> StoreFuture<'a, ()>;

    /// Returns what became of a parcel.
    fn state<'a>(&'a self, group: &'a PolicyDomain, id: &'a str) -> StoreFuture<'a, ParcelState>;

    /// Claims parcels for a machine, and returns at most `most` of those that it has claimed, now or earlier.
    ///
    /// The name of the machine must be unique, and the same after a restart.
    fn claim<'a>(
        &'a self,
        group: &'a PolicyDomain,
        machine: &'a str,
        which: ParcelClaim,
        most: usize,
    ) -> StoreFuture<'a, Vec<Parcel>>;

    /// Records that the contents of a parcel are saved, and removes it.
    fn settle<'a>(&'a self, group: &'a PolicyDomain, id: &'a str) -> StoreFuture<'a, ()>;
}

/// A text that one machine leaves for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Its unique name.
    pub id: String,
    /// Its contents.
    pub text: String,
}

/// What became of a [`Parcel`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParcelState {
    /// The store has nothing of it: it was never left there, or the store has lost it.
    Unknown,
    /// It is there.
    Waiting,
    /// Another machine has saved its contents.
    Arrived,
}

/// Which parcels a machine claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParcelClaim {
    /// Those that nobody has claimed, and its own.
    Any,
    /// Those that it claimed earlier.
    Earlier,
}
