//! Cache validators.

use demo_world::{ClientApi, Fault, Validators};

use crate::client::ask;

#[tokio::test]
async fn an_unchanged_board_is_answered_304_to_its_tag_and_a_changed_one_is_not() {
    let api = ClientApi::start().unwrap();
    let tower = api.project("tower");
    tower.set_units([("A101", "sold")]);
    let first = ask(&tower, &[]).await;
    let tag = first.header("etag").unwrap();
    let again = ask(&tower, &[("if-none-match", tag)]).await;
    assert_eq!((again.status(), again.body.len()), (304, 0));
    assert_eq!(again.header("etag"), Some(tag));
    tower.set("A101", "free");
    assert_eq!(ask(&tower, &[("if-none-match", tag)]).await.status(), 200);
    tower.set("A101", "sold");
    assert_eq!(
        ask(&tower, &[("if-none-match", tag)]).await.status(),
        304,
        "equal text, equal tag"
    );
}

#[tokio::test]
async fn two_changes_within_a_second_have_two_modification_times() {
    let api = ClientApi::start().unwrap();
    let tower = api.project("tower");
    tower
        .set_units([("A101", "sold")])
        .set_validators(Validators::LastModified);
    let first = ask(&tower, &[]).await;
    assert_eq!(first.header("etag"), None);
    let date = first.header("last-modified").unwrap();
    assert_eq!(
        ask(&tower, &[("if-modified-since", date)]).await.status(),
        304
    );
    tower.set("A101", "free");
    assert_eq!(
        ask(&tower, &[("if-modified-since", date)]).await.status(),
        200
    );
}

#[tokio::test]
async fn the_tag_wins_over_the_date() {
    let api = ClientApi::start().unwrap();
    let tower = api.project("tower");
    tower.set_units([("A101", "sold")]);
    let first = ask(&tower, &[]).await;
    let date = first.header("last-modified").unwrap();
    let headers = [("if-none-match", "\"other\""), ("if-modified-since", date)];
    assert_eq!(ask(&tower, &headers).await.status(), 200);
}

#[tokio::test]
async fn without_validators_every_answer_is_whole() {
    let api = ClientApi::start().unwrap();
    let tower = api.project("tower");
    tower.set_units([("A101", "sold")]);
    let tag = ask(&tower, &[]).await.header("etag").unwrap().to_owned();
    tower.set_validators(Validators::Neither);
    let whole = ask(&tower, &[("if-none-match", &tag)]).await;
    assert_eq!((whole.status(), whole.header("etag")), (200, None));
}

#[tokio::test]
async fn a_bent_text_is_never_passed_off_as_unmodified() {
    let api = ClientApi::start().unwrap();
    let tower = api.project("tower");
    tower.set_units([("A101", "sold"), ("A102", "sold")]);
    let first = ask(&tower, &[]).await;
    let (tag, date) = (
        first.header("etag").unwrap(),
        first.header("last-modified").unwrap(),
    );
    tower.set_fault(Fault::Vanishing { keep_percent: 50 });
    assert_eq!(ask(&tower, &[("if-none-match", tag)]).await.status(), 200);
    assert_eq!(
        ask(&tower, &[("if-modified-since", date)]).await.status(),
        200
    );
}
