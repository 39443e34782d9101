//! Requests that TOML has no word for are saved all the same; where there is no way, the failure is told.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;

use distributed_data_consistency::Harness;
use distributed_data_consistency::protocol::{Env, NodeId, RequestId, StateMachine};
use distributed_data_consistency::replay::{Expect, PlanFile};
use distributed_data_consistency::sim::{Action, Plan, PlannedRequest};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};

use crate::common::panic_of;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Ask {
    Plain { key: String, at: i64 },
    Wide(u64),
    Wider { low: i128, high: u128, name: String },
    ByNumber(BTreeMap<u64, u64>),
    ByPair(BTreeMap<(u8, u8), u64>),
    Perhaps(Option<u64>),
    List(Vec<Option<u64>>),
    Pair((), u64),
    Nothing,
    Unit(Unit),
    Letter(char, f64, bool, u64),
    Nested(Box<Ask>, u64),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

/// A number or a text: what is read depends on what is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Either {
    Number(u64),
    Text(String),
}

fn written<A>(action: &A) -> Result<String, String>
where
    A: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let mut plan = Plan::new(1);
    let request = PlannedRequest::new(Default::default(), NodeId::new(0), Action::new(action.clone()));
    plan.requests.push(request);
    let file = PlanFile { system: "x".to_owned(), plan, expect: Expect::Clean, digest: None, trace: Vec::new() };
    let text = file.to_toml().map_err(|error| error.to_string())?;
    let harness = Harness::new("x", |_| Asked::<A>(Vec::new())).requests(|_| -> A { unreachable!("nothing is drawn") });
    let read = harness.parse_plan(Path::new("x"), &text).expect(&text);
    assert_eq!(read, file, "{text}");
    Ok(text)
}

/// Keeps what it is asked.
struct Asked<A>(Vec<A>);

impl<A: Clone + Debug> StateMachine for Asked<A> {
    type Message = ();
    type Timer = ();
    type Request = A;
    type Response = ();
    type Durable = ();

    fn on_message(&mut self, _from: NodeId, (): (), _env: &mut Env<'_, Self>) {}

    fn on_request(&mut self, _id: RequestId, request: A, _env: &mut Env<'_, Self>) {
        self.0.push(request);
    }
}

#[test]
fn what_toml_has_no_word_for_is_read_back() {
    let big = u64::MAX;
    for (ask, says) in [
        (Ask::Plain { key: "cart".to_owned(), at: i64::MIN }, "Plain = { "),
        (Ask::Wide(7), "Wide = 7\n"),
        (Ask::Wide(big), "Wide = \"18446744073709551615\"\n"),
        (Ask::Wide(1 << 63), "Wide = \"9223372036854775808\"\n"),
        (
            Ask::Wider { low: i128::MIN, high: u128::MAX, name: "5".to_owned() },
            "340282366920938463463374607431768211455",
        ),
        (Ask::ByNumber([(1, 2), (big, big)].into()), "18446744073709551615"),
        (Ask::ByNumber(BTreeMap::new()), "ByNumber = {}\n"),
        (Ask::ByPair([((1, 2), 3)].into()), "ByPair = [[[1, 2], 3]]\n"),
        (Ask::Perhaps(None), "Perhaps = {}\n"),
        (Ask::Perhaps(Some(big)), "18446744073709551615"),
        (Ask::List(vec![None, Some(1), Some(big)]), "List = [{}, 1, \"18446744073709551615\"]\n"),
        (Ask::Pair((), big), "Pair = [[], \"18446744073709551615\"]\n"),
        (Ask::Nothing, "action = \"Nothing\"\n"),
        (Ask::Unit(Unit), "Unit = []\n"),
        (Ask::Letter('\u{202e}', -0.5, true, big), "-0.5"),
        (Ask::Nested(Box::new(Ask::Nested(Box::new(Ask::Nothing), big)), 0), "18446744073709551615"),
    ] {
        let text = written(&ask).unwrap_or_else(|error| panic!("{ask:?}: {error}"));
        assert!(text.contains(says), "{ask:?}: {text}");
    }
    assert!(written(&()).unwrap().contains("action = []\n"));
    assert!(written(&u128::MAX).unwrap().contains("action = \"340282366920938463463374607431768211455\"\n"));
    assert!(written(&Some(3_u8)).unwrap().contains("action = 3\n"));
    assert!(written(&None::<u8>).unwrap().contains("action = {}\n"));
    assert!(written(&[1.5, f64::INFINITY]).unwrap().contains("inf"));
}

/// A number that would be read back as a text is not written.
#[test]
fn what_would_be_read_back_as_something_else_is_refused() {
    written(&Either::Number(3)).unwrap();
    written(&Either::Text("18446744073709551615".to_owned())).unwrap();
    let error = written(&Either::Number(u64::MAX)).unwrap_err();
    assert!(
        error.contains("expected an action that TOML can express, found \"Number(18446744073709551615)\""),
        "{error}"
    );
}

/// Has no serialized form.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Silent(u8);

impl Serialize for Silent {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("I have\nno form"))
    }
}

#[test]
fn what_cannot_be_written_is_told_with_its_seed_and_why() {
    let directory = tempfile::tempdir().unwrap();
    let harness = || {
        let harness = Harness::new("silent", |_| Asked::<Silent>(Vec::new())).requests(|rng| Silent(rng.bits() as u8));
        let broken = |nodes: distributed_data_consistency::sim::Nodes<'_, Asked<Silent>>| match nodes
            .up()
            .any(|(_, node)| !node.0.is_empty())
        {
            true => Err("somebody was asked".to_owned()),
            false => Ok(()),
        };
        harness.always("broken", broken).snapshots(directory.path())
    };
    let told = panic_of(|| harness().sweep(20).assert_clean());
    for says in [
        "VIOLATED broken: somebody was asked",
        "not saved ",
        "expected an action that TOML can express, found \"Silent(",
        "I have\\nno form",
        "replay   DDC_SEED=0x",
    ] {
        assert!(told.contains(says), "{says}: {told}");
    }
}
