//! What was last seen of the other services. Kept in memory, so that whoever asks never waits for one of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Live, Sight};

/// Who knows projects.
const TELLER: &str = "public-service";

/// The board. Clones share it. As large as what the ops listeners of the settings tell, each at most the cap of an answer.
#[derive(Clone, Debug, Default)]
pub struct Neighbours(Arc<Mutex<Vec<Place>>>);

/// One ops listener of the settings.
#[derive(Clone, Debug)]
struct Place {
    sight: Sight,
    /// `None`: it does not say.
    projects: Option<BTreeMap<String, Live>>,
}

impl Neighbours {
    /// What public-service knows of a project; `None` where no replica knows it now, or none answers.
    pub fn live(&self, slug: &str) -> Option<Live> {
        let views = {
            let places = self.lock();
            let views = places
                .iter()
                .filter_map(|place| place.projects.as_ref()?.get(slug));
            views.cloned().collect::<Vec<_>>()
        };
        views.into_iter().reduce(Live::merged)
    }

    /// Whether some replica of public-service says what it knows. Else that it knows nothing of a project means nothing.
    pub fn is_live_known(&self) -> bool {
        let places = self.lock();
        let mut tellers = places.iter().filter(|it| it.sight.service == TELLER);
        tellers.any(|it| it.projects.is_some())
    }

    /// What public-service knows of every project that some replica knows, by slug.
    pub fn all_live(&self) -> BTreeMap<String, Live> {
        let views: Vec<_> = {
            let places = self.lock();
            let told = places.iter().filter_map(|it| it.projects.clone());
            told.collect()
        };
        let mut merged: BTreeMap<String, Live> = BTreeMap::new();
        for (slug, view) in views.into_iter().flatten() {
            let whole = match merged.remove(&slug) {
                Some(other) => other.merged(view),
                None => view,
            };
            merged.insert(slug, whole);
        }
        merged
    }

    /// Every listener in the order of the settings.
    pub fn sights(&self) -> Vec<Sight> {
        self.lock()
            .iter()
            .map(|place| place.sight.clone())
            .collect()
    }

    /// Makes a place for one more listener; its number.
    pub(super) fn add(&self, sight: Sight) -> usize {
        let mut places = self.lock();
        places.push(Place {
            sight,
            projects: None,
        });
        places.len() - 1
    }

    /// What was seen at a place takes the place of what was seen before.
    pub(super) fn note(
        &self,
        number: usize,
        sight: Sight,
        projects: Option<BTreeMap<String, Live>>,
    ) {
        let mut places = self.lock();
        let before = places
            .get_mut(number)
            .map(|place| std::mem::replace(place, Place { sight, projects }));
        drop(places);
        // Thousands of projects may be in it: freed where nobody waits for the lock.
        drop(before);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
