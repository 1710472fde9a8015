//! A process is read, signalled and waited for; a shell plays the service.

use test_kit::ServiceProcess;

const LISTENING: &str = r#"echo '{"message":"listening","listener":"ops","address":"127.0.0.1:7"}'
    echo '{"fields":{"message":"listening","listener":"public","address":"127.0.0.1:8"}}'
    trap 'echo ending; exit 3' TERM
    echo "$OWN-${DATABASE_URL:-none}" >&2
    while true; do sleep 0.02; done"#;

fn shell() -> ServiceProcess {
    ServiceProcess::spawn_with("/bin/sh", &["-c", LISTENING], &[("OWN", "mine")])
}

#[tokio::test]
async fn its_addresses_are_learnt_from_its_log_in_either_form() {
    let process = shell();
    assert_eq!(process.address("public").await, "127.0.0.1:8");
    assert_eq!(process.address("ops").await, "127.0.0.1:7");
}

#[tokio::test]
async fn its_environment_is_what_was_given_and_its_errors_are_read_too() {
    let process = shell();
    process
        .wait_for_line("its environment", |line| line.text == "mine-none")
        .await;
}

#[tokio::test]
async fn its_end_is_told_with_its_last_words() {
    let mut process = shell();
    process
        .wait_for_line("it is up", |line| line.text == "mine-none")
        .await;
    process.sigterm();
    assert_eq!(process.wait_exit().await, Some(3));
    assert!(
        process.output().ends_with("ending\n"),
        "{}",
        process.output()
    );
}

#[tokio::test]
async fn a_killed_process_has_no_exit_code() {
    let mut process = shell();
    process.kill9();
    assert_eq!(process.wait_exit().await, None);
}
