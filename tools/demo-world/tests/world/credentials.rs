//! Credentials are really looked at.

use demo_world::{Auth, ClientApi, Fault};

use crate::client::ask;

#[tokio::test]
async fn missing_credentials_are_401_and_wrong_ones_403_and_both_are_counted() {
    let api = ClientApi::start().unwrap();
    let tower = api.project("tower");
    let asked = [
        (Auth::bearer("t0ken"), "Authorization", "Bearer t0ken"),
        (Auth::api_key("X-Own-Key", "k3y"), "X-Own-Key", "k3y"),
        // RFC 7617, section 2.
        (
            Auth::basic("Aladdin", "open sesame"),
            "Authorization",
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        ),
    ];
    for (round, (auth, header, value)) in (1..).zip(asked) {
        tower.require_auth(auth.clone());
        assert_eq!(ask(&tower, &[]).await.status(), 401, "{auth:?}");
        assert_eq!(
            ask(&tower, &[(header, "Bearer other")]).await.status(),
            403,
            "{auth:?}"
        );
        assert_eq!(
            ask(&tower, &[(header, value)]).await.status(),
            200,
            "{auth:?}"
        );
        assert_eq!(tower.auth_failures(), 2 * round);
    }
}

#[tokio::test]
async fn a_refused_request_does_not_spend_the_budget_of_a_fault() {
    let api = ClientApi::start().unwrap();
    let tower = api.project("tower");
    tower
        .require_auth(Auth::bearer("t"))
        .set_fault_for(1, Fault::status(500));
    assert_eq!(ask(&tower, &[]).await.status(), 401);
    assert_eq!(
        ask(&tower, &[("authorization", "Bearer t")]).await.status(),
        500
    );
    assert_eq!(
        ask(&tower, &[("authorization", "Bearer t")]).await.status(),
        200
    );
}
