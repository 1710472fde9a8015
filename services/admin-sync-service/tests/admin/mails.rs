//! Alerts by mail, plain and over TLS, and what never gets into any of them.

use std::time::Duration;

use service_kit::random::Random;
use test_kit::{PATIENCE, ServiceProcess, rabbit_url, wait_until};

use crate::alerts::{ended, told_by};
use crate::receivers::{MailReceiver, Speech, WebhookReceiver, certificate};
use crate::world::World;

#[tokio::test]
async fn a_mail_says_what_happened_and_what_to_do_and_goes_to_everybody() {
    let receiver = MailReceiver::speaking(Speech::Plain).await;
    let world = World::with(|settings| {
        settings.alert.smtp_url = Some(format!("smtp://{}", receiver.address).into());
        settings.alert.alert_email_from = Some("Farol <farol@example.org>".to_owned());
        settings.alert.alert_email_to =
            vec!["ana@example.org".to_owned(), "rui@example.org".to_owned()];
    })
    .await;
    let run = ended(&world, "update", "error", "'disk full'").await;
    let mail = receiver.wait(1).await.remove(0);
    for told in [
        "MAIL FROM:<farol@example.org>",
        "RCPT TO:<ana@example.org>",
        "RCPT TO:<rui@example.org>",
        &format!("Subject: [farol] update {run} ended error: disk full"),
        "What to do:",
        &format!("/sync/executions/{run}"),
        "Incident run:update (run_error)",
    ] {
        assert!(
            unfolded(&mail).contains(told),
            "{told:?} is missing in {mail}"
        );
    }
    world
        .holds("SELECT notified_at IS NOT NULL FROM sync_incidents")
        .await;
    ended(&world, "update", "success", "NULL").await;
    let mails = receiver.wait(2).await;
    assert!(mails[1].contains("Subject: [farol] over: "), "{}", mails[1]);
    world.shutdown().await;
}

#[tokio::test]
async fn who_took_a_notice_is_not_told_again_because_another_did_not() {
    let mails = MailReceiver::speaking(Speech::Plain).await;
    let hook = WebhookReceiver::refusing(&[503; 4]).await;
    let world = told_by(&hook, |settings| {
        settings.alert.smtp_url = Some(format!("smtp://{}", mails.address).into());
        settings.alert.alert_email_from = Some("farol@example.org".to_owned());
        settings.alert.alert_email_to = vec!["ana@example.org".to_owned()];
    })
    .await;
    ended(&world, "update", "error", "'disk full'").await;
    hook.wait(1).await;
    world
        .holds("SELECT notified_at IS NOT NULL FROM sync_incidents")
        .await;
    assert_eq!(mails.mails().len(), 1);
    world.shutdown().await;
}

#[tokio::test]
async fn a_mail_server_that_is_away_gets_its_mail_when_it_is_back() {
    let receiver = MailReceiver::speaking(Speech::Plain).await;
    let proxy = test_kit::ChaosProxy::to(receiver.address.to_string()).await;
    proxy.cut();
    let world = World::with(|settings| {
        settings.alert.smtp_url = Some(format!("smtp://{}", proxy.address()).into());
        settings.alert.alert_email_from = Some("farol@example.org".to_owned());
        settings.alert.alert_email_to = vec!["ana@example.org".to_owned()];
        settings.alert.alert_retry_ms = Duration::from_millis(50);
    })
    .await;
    ended(&world, "update", "error", "'disk full'").await;
    wait_until("attempts fail", PATIENCE, async || {
        let metric = r#"admin_notices_total{channel="email",outcome="failed"}"#;
        world.service.metric(metric).await > 1.5
    })
    .await;
    assert!(receiver.mails().is_empty());
    proxy.restore();
    receiver.wait(1).await;
    world.shutdown().await;
}

#[tokio::test]
async fn over_tls_the_password_goes_to_a_server_that_the_machine_trusts() {
    let (pem, acceptor) = certificate();
    let wrapped = MailReceiver::speaking(Speech::Tls(acceptor.clone())).await;
    let upgraded = MailReceiver::speaking(Speech::StartTls(acceptor)).await;
    let trusted = file(&pem);
    let world = World::with(|settings| {
        settings.database.database_url = "postgres://x@127.0.0.1:1/x".into();
    })
    .await;
    for (receiver, url) in [
        (
            &wrapped,
            format!(
                "smtps://ana:s3cret-of-mail@localhost:{}",
                wrapped.address.port()
            ),
        ),
        (
            &upgraded,
            format!(
                "smtp://ana:s3cret-of-mail@localhost:{}?tls=required",
                upgraded.address.port()
            ),
        ),
    ] {
        world.sql("DELETE FROM sync_incidents").await;
        let mut service = process(&world, &url, Some(&trusted));
        ended(&world, "update", "error", "'disk full'").await;
        let mail = receiver.wait(1).await.remove(0);
        assert!(mail.contains("AUTH"), "{mail}");
        service.sigterm();
        assert_eq!(service.wait_exit().await, Some(0));
        assert!(
            !service.output().contains("s3cret-of-mail"),
            "{}",
            service.output()
        );
    }
    std::fs::remove_file(trusted).unwrap();
    world.shutdown().await;
}

#[tokio::test]
async fn a_mail_server_that_nobody_vouches_for_gets_neither_mail_nor_password() {
    let (_, acceptor) = certificate();
    let receiver = MailReceiver::speaking(Speech::Tls(acceptor)).await;
    let world = World::with(|settings| {
        settings.database.database_url = "postgres://x@127.0.0.1:1/x".into();
    })
    .await;
    let url = format!(
        "smtps://ana:s3cret-of-mail@localhost:{}",
        receiver.address.port()
    );
    let mut service = process(&world, &url, None);
    ended(&world, "update", "error", "'disk full'").await;
    service
        .wait_for_line("a notice was not taken", |line| {
            line.field("message") == Some("a notice was not taken")
        })
        .await;
    assert!(receiver.mails().is_empty());
    service.sigterm();
    assert_eq!(service.wait_exit().await, Some(0));
    assert!(
        !service.output().contains("s3cret-of-mail"),
        "{}",
        service.output()
    );
    world.shutdown().await;
}

/// At trace level, with every channel failing.
#[tokio::test]
async fn no_secret_is_told_however_talkative_the_service_is() {
    let hook = WebhookReceiver::refusing(&[500; 3]).await;
    let world = World::with(|settings| {
        settings.database.database_url = "postgres://x@127.0.0.1:1/x".into();
    })
    .await;
    let (database, rabbit, url) = (world.database.admin_url(), rabbit_url(), hook.url());
    let mut environment = environment(&world, &database, &rabbit);
    environment.extend([
        ("ADMIN_AUTH", "on"),
        ("ADMIN_USERNAME", "ana"),
        ("ADMIN_PASSWORD", "s3cret-of-ana"),
        ("ALERT_WEBHOOK_URL", url.as_str()),
        ("ALERT_WEBHOOK_SECRET", "s3cret-of-webhook"),
        ("ALERT_RETRY_MS", "50"),
        ("SMTP_URL", "smtp://ana:s3cret-of-mail@127.0.0.1:1"),
        ("ALERT_EMAIL_FROM", "farol@example.org"),
        ("ALERT_EMAIL_TO", "ana@example.org"),
        ("LOG_LEVEL", "trace"),
    ]);
    let mut service = ServiceProcess::spawn("admin-sync-service", &environment);
    ended(&world, "update", "error", "'disk full'").await;
    hook.wait(1).await;
    service.sigterm();
    assert_eq!(service.wait_exit().await, Some(0));
    let output = service.output();
    assert!(output.contains("a notice was not taken"), "{output}");
    assert!(
        !output.contains("s3cret"),
        "{}",
        output.lines().find(|line| line.contains("s3cret")).unwrap()
    );
    world.shutdown().await;
}

fn process(world: &World, smtp: &str, trusted: Option<&str>) -> ServiceProcess {
    let (database, rabbit) = (world.database.admin_url(), rabbit_url());
    let mut environment = environment(world, &database, &rabbit);
    environment.extend([
        ("ADMIN_AUTH", "off"),
        ("SMTP_URL", smtp),
        ("ALERT_EMAIL_FROM", "farol@example.org"),
        ("ALERT_EMAIL_TO", "ana@example.org"),
        ("ALERT_RETRY_MS", "100"),
    ]);
    environment.extend(trusted.map(|path| ("SSL_CERT_FILE", path)));
    ServiceProcess::spawn("admin-sync-service", &environment)
}

fn environment<'a>(
    world: &'a World,
    database: &'a str,
    rabbit: &'a str,
) -> Vec<(&'a str, &'a str)> {
    vec![
        ("DATABASE_URL", database),
        ("RABBITMQ_URL", rabbit),
        ("QUEUE_NAME", &world.queue),
        ("SYNC_INTERVAL_MINUTES", "0"),
        ("ALERT_NO_UPDATE_MINUTES", "0"),
        ("KEEPER_TICK_MS", "100"),
        ("DRAIN_SECONDS", "0"),
        ("PORT", "0"),
        ("OPS_PORT", "0"),
    ]
}

/// Long header lines are folded on the wire.
fn unfolded(mail: &str) -> String {
    mail.replace("\r\n ", " ").replace("=\r\n", "")
}

/// A file of this test run; its path.
fn file(content: &str) -> String {
    let path = format!(
        "{}/{}.pem",
        env!("CARGO_TARGET_TMPDIR"),
        Random::system().hex(6)
    );
    std::fs::write(&path, content).unwrap();
    path
}
