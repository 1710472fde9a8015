//! Random histories of connects, replacements, disconnects that are late or told twice, and sends whose answers arrive
//! whenever they like, against a reference of two plain collections.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use farol_core::sse::EventName;
use gateway_client::{ConnectionManager, GatewayApi, Identifier, Refused, Token};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use crate::gateway::{ScriptedGateway, instance};
use crate::world::{MOST_VIEWERS, World, named, token};

/// Times at least 40 steps each: 12,000 and more.
const RUNS: u32 = 300;
const PLACES: [&str; 4] = ["task:1", "task:2", "version:1", "version:2"];
/// So few that histories meet.
const TOKENS: usize = 12;
const EVENT: EventName = EventName::from_static("task_event");

#[derive(Debug, Clone)]
enum Op {
    Connect(usize, usize),
    /// Of anyone: connected, replaced, gone already, not yet there.
    Disconnect(usize),
    Send(usize, Fates),
    /// A send whose answer waits until `Answer`.
    Begin(usize, Fates),
    Answer(usize),
    /// The gateway holds open those tokens only.
    Reconcile(HashSet<usize>),
}

/// How sends to some tokens are answered; the others are delivered.
type Fates = BTreeMap<usize, u16>;

/// What the maps should hold, found out the slow way.
#[derive(Default)]
struct Reference {
    /// In the order in which they came.
    current: Vec<(usize, Token)>,
    told_gone: HashSet<Token>,
    connects: u64,
    leaves: BTreeMap<&'static str, u64>,
}

/// A send that was begun and not answered.
struct Pending {
    data: String,
    to: Vec<Token>,
    fates: Fates,
    task: JoinSet<bool>,
}

struct Play<'a> {
    gateway: &'a ScriptedGateway,
    world: World,
    reference: Reference,
    pending: Vec<Pending>,
    begun: usize,
}

fn op() -> impl Strategy<Value = Op> {
    let fate = prop_oneof![2 => Just(404_u16), 1 => Just(500_u16)];
    let fates = || prop::collection::btree_map(0..TOKENS, fate.clone(), 0..5);
    let place = 0..PLACES.len();
    prop_oneof![
        6 => (place.clone(), 0..TOKENS).prop_map(|(place, token)| Op::Connect(place, token)),
        2 => (0..TOKENS).prop_map(Op::Disconnect),
        2 => (place.clone(), fates()).prop_map(|(place, fates)| Op::Send(place, fates)),
        2 => (place, fates()).prop_map(|(place, fates)| Op::Begin(place, fates)),
        2 => (0..8_usize).prop_map(Op::Answer),
        1 => prop::collection::hash_set(0..TOKENS, 0..TOKENS).prop_map(Op::Reconcile),
    ]
}

impl Reference {
    fn at(&self, place: usize) -> Vec<Token> {
        let here = self.current.iter().filter(|(at, _)| *at == place);
        here.map(|(_, token)| token.clone()).collect()
    }

    fn connect(&mut self, place: usize, token: &Token) -> Result<Option<Token>, Refused> {
        if self.told_gone.contains(token) {
            return Err(Refused::Gone);
        }
        let here = self.at(place);
        if here.contains(token) {
            return Ok(None);
        }
        let single = PLACES[place].starts_with("version:");
        if !single && here.len() == MOST_VIEWERS {
            return Err(Refused::Full);
        }
        let replaced = here.into_iter().next().filter(|_| single);
        let moves = self.current.iter().any(|(_, present)| present == token);
        self.connects += u64::from(!moves);
        self.current
            .retain(|(_, present)| present != token && Some(present) != replaced.as_ref());
        self.current.push((place, token.clone()));
        if replaced.is_some() {
            *self.leaves.entry("replace").or_default() += 1;
        }
        Ok(replaced)
    }

    fn leave(&mut self, token: &Token, how: &'static str) -> bool {
        let before = self.current.len();
        self.current.retain(|(_, present)| present != token);
        let left = self.current.len() < before;
        *self.leaves.entry(how).or_default() += u64::from(left);
        left
    }

    /// Whether anybody got it.
    fn answered(&mut self, to: &[Token], fates: &Fates) -> bool {
        let fate = |to: &Token| {
            let mut fates = fates.iter();
            fates.find_map(|(number, fate)| (client(*number) == *to).then_some(*fate))
        };
        for gone in to.iter().filter(|to| fate(to) == Some(404)) {
            self.leave(gone, "purge");
        }
        to.iter().any(|to| fate(to).is_none())
    }
}

impl Play<'_> {
    async fn step(&mut self, op: &Op) {
        match op {
            Op::Connect(place, number) => {
                let connected =
                    self.world
                        .manager
                        .connected(&named(PLACES[*place]), &client(*number), None);
                let expected = self.reference.connect(*place, &client(*number));
                assert_eq!(connected.map(|it| it.replaced), expected);
            }
            Op::Disconnect(number) => {
                let token = client(*number);
                let left = self.world.manager.disconnected(&token, Some("some id"));
                self.reference.told_gone.insert(token.clone());
                assert_eq!(left, self.reference.leave(&token, "disconnect"));
            }
            Op::Send(place, fates) => {
                if self.begin(*place, fates).await {
                    self.finish(self.pending.len() - 1).await;
                }
            }
            Op::Begin(place, fates) => {
                self.begin(*place, fates).await;
            }
            Op::Answer(which) => {
                if let Some(which) = which.checked_rem(self.pending.len()) {
                    self.finish(which).await;
                }
            }
            Op::Reconcile(open) => self.reconcile(open).await,
        }
        self.compare();
    }

    /// Whether the gateway is being asked.
    async fn begin(&mut self, place: usize, fates: &Fates) -> bool {
        self.begun += 1;
        let data = self.begun.to_string();
        let to = self.reference.at(place);
        self.gateway.hold(&data);
        let mut task = JoinSet::new();
        task.spawn(send(
            self.world.manager.clone(),
            named(PLACES[place]),
            data.clone(),
        ));
        if to.is_empty() {
            assert!(!task.join_next().await.unwrap().unwrap());
            return false;
        }
        self.gateway.has_seen(&data).await;
        let fates = fates.clone();
        self.pending.push(Pending {
            data,
            to,
            fates,
            task,
        });
        true
    }

    async fn finish(&mut self, which: usize) {
        let mut pending = self.pending.swap_remove(which);
        for number in 0..TOKENS {
            let status = pending.fates.get(&number).copied().unwrap_or(200);
            self.gateway.answer(client(number).as_str(), status);
        }
        self.gateway.release(&pending.data);
        let delivered = pending.task.join_next().await.unwrap().unwrap();
        let expected = self.reference.answered(&pending.to, &pending.fates);
        assert_eq!(delivered, expected);
    }

    async fn reconcile(&mut self, open: &HashSet<usize>) {
        let open: BTreeSet<Token> = open.iter().map(|number| client(*number)).collect();
        let texts: Vec<&str> = open.iter().map(Token::as_str).collect();
        self.gateway.lists(instance("one", 1), &texts);
        let reconciled = self.world.manager.reconcile().await.unwrap();
        let current: BTreeSet<Token> = self
            .reference
            .current
            .iter()
            .map(|it| it.1.clone())
            .collect();
        let dropped = current
            .difference(&open)
            .map(|lost| self.reference.leave(lost, "reconcile"));
        assert_eq!(reconciled.dropped, dropped.count());
        let strangers = open
            .difference(&current)
            .filter(|it| !self.reference.told_gone.contains(it));
        let found = reconciled.strangers.iter().map(|it| &it.token);
        assert!(found.eq(strangers));
    }

    fn compare(&self) {
        let (manager, reference) = (&self.world.manager, &self.reference);
        let figures = self.world.figures();
        let mut places = Vec::new();
        for (number, place) in PLACES.iter().enumerate() {
            let expected = reference.at(number);
            assert_eq!(self.world.tokens(place), expected, "{place}");
            places.extend((!expected.is_empty()).then(|| named(place)));
        }
        let mut identifiers = manager.identifiers();
        identifiers.sort();
        assert_eq!(identifiers, places, "no empty room is kept");
        assert_eq!(manager.len(), reference.current.len());
        assert_eq!(figures.active(), manager.len() as u64);
        assert_eq!(figures.connections("connect"), reference.connects);
        for how in ["replace", "disconnect", "purge", "reconcile"] {
            let expected = reference.leaves.get(how).copied().unwrap_or(0);
            assert_eq!(figures.connections(how), expected, "{how}");
        }
        let left: u64 = reference.leaves.values().sum();
        assert_eq!(reference.connects - left, figures.active());
    }
}

fn client(number: usize) -> Token {
    token(&format!("client-{number:02}"))
}

async fn send(manager: ConnectionManager, to: Identifier, data: String) -> bool {
    manager.send(&to, &EVENT, &data, false).await
}

async fn play(gateway: &ScriptedGateway, api: &GatewayApi, ops: &[Op]) {
    gateway.forget();
    let mut play = Play {
        gateway,
        world: World::with(api.clone(), MOST_VIEWERS),
        reference: Reference::default(),
        pending: Vec::new(),
        begun: 0,
    };
    for op in ops {
        play.step(op).await;
    }
    while !play.pending.is_empty() {
        play.finish(0).await;
    }
    for number in 0..TOKENS {
        play.step(&Op::Disconnect(number)).await;
    }
    assert!(play.world.manager.is_empty());
    assert_eq!(play.world.active(), 0, "the gauge leaked");
}

#[test]
fn no_history_brings_maps_figures_and_the_reference_apart() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let gateway = runtime.block_on(ScriptedGateway::start());
    let api = GatewayApi::new(gateway.url(), None).unwrap();
    let mut runner = TestRunner::new(ProptestConfig {
        cases: RUNS,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let histories = prop::collection::vec(op(), 40..80);
    let judged = runner.run(&histories, |ops| {
        runtime.block_on(play(&gateway, &api, &ops));
        Ok(())
    });
    judged.unwrap_or_else(|failure| panic!("{failure}"));
}
