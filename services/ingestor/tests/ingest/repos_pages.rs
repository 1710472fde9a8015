//! A page is committed wholly or not at all, once, and whatever order versions come in, the newest one stays.

use chrono_tz::America::Sao_Paulo;
use farol_core::sync::scan::{Next, Scan, ScanFrame};
use farol_core::sync::{Mode, SegmentState, plan, plan_items};
use futures_util::future::join_all;
use ingestor::infra::RepoError;
use ingestor::infra::record_repo::{Committed, Kept, Page};
use ingestor::infra::segment_repo::SegmentEnd;
use ingestor::ingest::record::Record;
use serde_json::json;
use serde_json::value::RawValue;
use test_kit::{PATIENCE, wait_until};

use crate::record_read::{contratacao, raw};
use crate::repos_kit::{Repos, answered, at, day, page, read, record, the_10th};

/// Commits `raws` as page `number` of a run of its own; what it brought.
async fn bring(repos: &Repos, raws: &[Box<RawValue>]) -> Committed {
    let run = repos.running().await;
    let segment = repos.reading(&run.lease).await;
    let (records, answered) = (read(raws), answered(2, raws));
    let page = page(&answered, &records);
    let committed = repos
        .records
        .commit_page(&run.lease, segment.id, &page)
        .await
        .unwrap();
    repos
        .execute(
            "UPDATE sync_executions SET state = 'success', lease_token = NULL, lease_until = NULL",
        )
        .await;
    committed
}

#[tokio::test]
async fn a_page_is_records_ledger_and_run_at_once() {
    let repos = Repos::fresh().await;
    let run = repos.running().await;
    let segment = repos.reading(&run.lease).await;
    let raws = [record(1, 1, "a"), record(2, 1, "b")];
    let (records, answered) = (read(&raws), answered(2, &raws));
    let page = page(&answered, &records);
    let committed = repos
        .records
        .commit_page(&run.lease, segment.id, &page)
        .await
        .unwrap();
    assert_eq!(
        committed,
        Committed {
            inserted: 2,
            ..Committed::default()
        }
    );
    let told = repos
        .value(
            "SELECT s.state, s.pass, s.pages_done, s.pages_total, s.expected, s.got, s.inserted, s.updated, s.unchanged,
                    e.records_processed, e.progress_at IS NOT NULL AS progress,
                    (SELECT count(*) FROM pncp_contratacoes c WHERE c.execution_id = e.id) AS stored
               FROM sync_segments s JOIN sync_executions e ON e.id = s.execution_id WHERE s.pages_done > 0",
        )
        .await;
    let wanted = json!([{
        "state": "running", "pass": 1, "pages_done": 1, "pages_total": 2, "expected": 100, "got": 2, "inserted": 2,
        "updated": 0, "unchanged": 0, "records_processed": 2, "progress": true, "stored": 2,
    }]);
    assert_eq!(told, wanted);
    assert_eq!(repos.segments.pages(segment.id).await.unwrap(), [answered]);
}

#[tokio::test]
async fn a_page_that_is_committed_already_brings_nothing() {
    let repos = Repos::fresh().await;
    let run = repos.running().await;
    let segment = repos.reading(&run.lease).await;
    let raws = [record(1, 1, "a")];
    let (records, answered) = (read(&raws), answered(2, &raws));
    let page = page(&answered, &records);
    repos
        .records
        .commit_page(&run.lease, segment.id, &page)
        .await
        .unwrap();
    let again = repos
        .records
        .commit_page(&run.lease, segment.id, &page)
        .await
        .unwrap();
    assert_eq!(again, Committed::default());
    assert_eq!(
        repos
            .value("SELECT records_processed FROM sync_executions")
            .await,
        json!([{"records_processed": 1}])
    );
}

#[tokio::test]
async fn a_page_without_a_lease_leaves_nothing_at_all() {
    let repos = Repos::fresh().await;
    let run = repos.running().await;
    let segment = repos.reading(&run.lease).await;
    repos.rescue().await;
    let raws = [record(1, 1, "a")];
    let (records, answered) = (read(&raws), answered(2, &raws));
    let unread = Record::read(&raws[0], Sao_Paulo).unwrap();
    let page = Page {
        records: vec![Kept {
            record: &unread,
            counted: true,
        }],
        ..page(&answered, &records)
    };
    let refused = repos
        .records
        .commit_page(&run.lease, segment.id, &page)
        .await;
    assert!(matches!(refused, Err(RepoError::LeaseLost)), "{refused:?}");
    let left = repos
        .value(
            "SELECT (SELECT count(*) FROM pncp_contratacoes) c, (SELECT count(*) FROM pncp_orgaos) o,
                    (SELECT count(*) FROM sync_pages) p, (SELECT sum(got) FROM sync_segments) g",
        )
        .await;
    assert_eq!(left, json!([{"c": 0, "o": 0, "p": 0, "g": 0}]));
}

#[tokio::test]
async fn a_page_whose_connection_dies_leaves_nothing_and_is_committed_by_the_next_try() {
    let repos = Repos::fresh().await;
    let run = repos.running().await;
    let segment = repos.reading(&run.lease).await;
    let raws = [record(1, 1, "a")];
    let (records, answered) = (read(&raws), answered(2, &raws));
    let page = page(&answered, &records);
    let mut gate = repos.database.owner_pool().begin().await.unwrap();
    sqlx::raw_sql("SELECT 1 FROM sync_executions FOR UPDATE")
        .execute(&mut *gate)
        .await
        .unwrap();
    let commit = repos.records.commit_page(&run.lease, segment.id, &page);
    let killed = async {
        // All is written but the last row, for which it waits.
        wait_until(
            "the page waits for the row of its run",
            PATIENCE,
            async || {
                let killed = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                           WHERE datname = current_database() AND wait_event_type = 'Lock'";
                repos.value(killed).await != json!([])
            },
        )
        .await;
    };
    let (died, ()) = tokio::join!(commit, killed);
    assert!(died.as_ref().is_err_and(RepoError::is_away), "{died:?}");
    gate.rollback().await.unwrap();
    assert_eq!(
        repos.value("SELECT 1 AS n FROM pncp_contratacoes").await,
        json!([])
    );
    let again = repos
        .records
        .commit_page(&run.lease, segment.id, &page)
        .await
        .unwrap();
    assert_eq!(again.inserted, 1);
}

#[tokio::test]
async fn new_newer_same_and_older_records_are_told_apart() {
    let repos = Repos::fresh().await;
    bring(
        &repos,
        &[
            record(1, 5, "old"),
            record(2, 5, "same"),
            record(3, 5, "kept"),
        ],
    )
    .await;
    let raws = [
        record(1, 6, "new"),
        record(2, 5, "same"),
        record(3, 4, "late"),
        record(4, 1, "fresh"),
    ];
    let committed = bring(&repos, &raws).await;
    assert_eq!(
        committed,
        Committed {
            inserted: 1,
            updated: 1,
            unchanged: 2,
            quarantined: 0
        }
    );
    assert_eq!(committed.processed(), 4);
    let texts = repos
        .value("SELECT objeto_compra AS o FROM pncp_contratacoes ORDER BY numero_controle_pncp")
        .await;
    assert_eq!(
        texts,
        json!([{"o": "new"}, {"o": "same"}, {"o": "kept"}, {"o": "fresh"}])
    );
}

#[tokio::test]
async fn what_the_scan_has_seen_before_is_saved_and_not_counted_again() {
    let repos = Repos::fresh().await;
    let run = repos.running().await;
    let segment = repos.reading(&run.lease).await;
    let raws = [record(1, 1, "first")];
    let (records, first) = (read(&raws), answered(2, &raws));
    repos
        .records
        .commit_page(&run.lease, segment.id, &page(&first, &records))
        .await
        .unwrap();
    let raws = [record(1, 2, "second")];
    let (records, second) = (read(&raws), answered(1, &raws));
    let mut again = page(&second, &records);
    again.records[0].counted = false;
    let committed = repos
        .records
        .commit_page(&run.lease, segment.id, &again)
        .await
        .unwrap();
    assert_eq!(committed, Committed::default());
    let told = repos.value("SELECT objeto_compra AS o, records_processed AS n FROM pncp_contratacoes, sync_executions").await;
    assert_eq!(told, json!([{"o": "second", "n": 1}]));
}

#[tokio::test]
async fn a_record_that_stands_twice_on_a_page_is_one() {
    let repos = Repos::fresh().await;
    let committed = bring(
        &repos,
        &[
            record(1, 2, "new"),
            record(1, 1, "old"),
            record(1, 2, "new"),
        ],
    )
    .await;
    assert_eq!(
        committed,
        Committed {
            inserted: 1,
            ..Committed::default()
        }
    );
    assert_eq!(
        repos
            .value("SELECT objeto_compra AS o FROM pncp_contratacoes")
            .await,
        json!([{"o": "new"}])
    );
}

#[tokio::test]
async fn units_of_two_organs_under_one_code_are_two_and_the_newest_names_stay() {
    let repos = Repos::fresh().await;
    let of = |number: u32, version: u32, cnpj: &str, name: &str| {
        let mut value: serde_json::Value =
            serde_json::from_str(record(number, version, "").get()).unwrap();
        value["orgaoEntidade"]["cnpj"] = json!(cnpj);
        value["orgaoEntidade"]["razaoSocial"] = json!(name);
        value["unidadeOrgao"]["nomeUnidade"] = json!(name);
        raw(value.to_string())
    };
    bring(&repos, &[of(1, 1, "A1", "one"), of(2, 1, "B2", "two")]).await;
    bring(
        &repos,
        &[of(3, 3, "A1", "renamed"), of(4, 2, "A1", "between")],
    )
    .await;
    bring(&repos, &[of(5, 2, "A1", "late")]).await;
    let told = repos
        .value("SELECT cnpj, razao_social AS r, nome_unidade AS n FROM pncp_orgaos JOIN pncp_unidades ON orgao_cnpj = cnpj ORDER BY 1")
        .await;
    let wanted = json!([{"cnpj": "A1", "r": "renamed", "n": "renamed"}, {"cnpj": "B2", "r": "two", "n": "two"}]);
    assert_eq!(told, wanted);
}

#[tokio::test]
async fn every_column_keeps_what_the_portal_wrote() {
    let repos = Repos::fresh().await;
    bring(&repos, &[raw(contratacao().to_string())]).await;
    let told = repos
        .value(
            "SELECT numero_controle_pncp, orgao_cnpj, codigo_unidade, modalidade_id, situacao_compra_id, srp, objeto_compra,
                    valor_total_estimado::text AS valor, valor_total_homologado, informacao_complementar,
                    to_char(data_publicacao_pncp AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS publicada,
                    raw->'emendaParlamentar'->'novo' AS novo, itens_versao
               FROM pncp_contratacoes",
        )
        .await;
    let wanted = json!([{
        "numero_controle_pncp": "00000000000000-1-000012/2026", "orgao_cnpj": "00000000000000", "codigo_unidade": "007",
        "modalidade_id": 6, "situacao_compra_id": 1, "srp": true, "objeto_compra": "Lâmpadas", "valor": "174384.14",
        "valor_total_homologado": null, "informacao_complementar": " com \"aspas\"\n", "publicada": "2026-02-10 10:10:59",
        "novo": true, "itens_versao": null,
    }]);
    assert_eq!(told, wanted);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_put_aside_with_its_reason_and_the_page_goes_on() {
    let repos = Repos::fresh().await;
    let run = repos.running().await;
    let segment = repos.reading(&run.lease).await;
    let mut broken = contratacao();
    broken["anoCompra"] = json!("MMXXVI");
    let (broken, sound) = (raw(broken.to_string()), [record(1, 1, "a")]);
    let unreadable = Record::read(&broken, Sao_Paulo).unwrap_err();
    let (records, answered) = (read(&sound), answered(2, &sound));
    let mut page = page(&answered, &records);
    page.quarantined.push(&unreadable);
    let committed = repos
        .records
        .commit_page(&run.lease, segment.id, &page)
        .await
        .unwrap();
    assert_eq!(
        committed,
        Committed {
            inserted: 1,
            quarantined: 1,
            ..Committed::default()
        }
    );
    let told = repos
        .value(
            "SELECT endpoint, natural_key, reason, raw->>'anoCompra' AS ano FROM sync_quarantine",
        )
        .await;
    assert_eq!(told[0]["endpoint"], "publicacao");
    assert_eq!(told[0]["natural_key"], "00000000000000-1-000012/2026");
    assert_eq!(told[0]["ano"], "MMXXVI");
    assert!(
        told[0]["reason"].as_str().unwrap().contains("anoCompra"),
        "{told}"
    );
}

/// Pages of many runs at once share organs, units and records, in every order.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_order_versions_come_in_the_newest_stays_and_nobody_waits_in_a_circle() {
    let repos = Repos::fresh().await;
    let window = |hour: i64| {
        let start = day().start() + chrono::TimeDelta::hours(hour);
        farol_core::sync::Window::new(start, start + chrono::TimeDelta::hours(1)).unwrap()
    };
    let mut pages = Vec::new();
    for worker in 0..6_u32 {
        let id = repos
            .enqueue(Mode::Backfill, Some(window(worker.into())))
            .await;
        let run = repos.claim(id).await;
        let segment = repos.reading(&run.lease).await;
        // Each its own order and its own versions of the same forty.
        let numbers = (0..40).map(|number| (number * 7 + worker * 11) % 40);
        let raws: Vec<Box<RawValue>> = numbers
            .map(|number| {
                record(
                    number,
                    (number * 13 + worker * 29) % 97,
                    &format!("{worker}"),
                )
            })
            .collect();
        pages.push((run, segment, raws));
    }
    let commits = pages.iter().map(async |(run, segment, raws)| {
        let (records, answered) = (read(raws), answered(2, raws));
        let page = page(&answered, &records);
        loop {
            match repos
                .records
                .commit_page(&run.lease, segment.id, &page)
                .await
            {
                Err(error) if error.is_away() => {}
                done => return done.unwrap(),
            }
        }
    });
    join_all(commits).await;
    let newest = |number: u32| {
        (0..6)
            .max_by_key(|worker| (number * 13 + worker * 29) % 97)
            .unwrap()
    };
    let wanted: Vec<_> = (0..40)
        .map(|number| json!({"o": newest(number).to_string()}))
        .collect();
    let told = repos
        .value("SELECT objeto_compra AS o FROM pncp_contratacoes ORDER BY sequencial_compra")
        .await;
    assert_eq!(told, json!(wanted));
}

#[tokio::test]
async fn a_scan_goes_on_from_the_pages_that_are_committed() {
    let repos = Repos::fresh().await;
    let run = repos.running().await;
    let segment = repos.reading(&run.lease).await;
    let frame = ScanFrame {
        cut: segment.cut,
        day_end: day().end(),
        order_trusted: false,
        page_size: 1,
    };
    let mut scan = Scan::new(frame, []);
    for number in [1, 3, 2] {
        let Next::Fetch { pass, page: asked } = scan.next() else {
            panic!("there is more to read")
        };
        let raws = [record(number, 1, "")];
        let records = read(&raws);
        let answered = farol_core::sync::scan::Answered {
            pass,
            page: asked,
            total: 3,
            pages: 3,
            ..answered(asked, &raws)
        };
        scan.take(&answered);
        repos
            .records
            .commit_page(&run.lease, segment.id, &page(&answered, &records))
            .await
            .unwrap();
    }
    let resumed = Scan::new(frame, repos.segments.pages(segment.id).await.unwrap());
    assert_eq!(resumed.next(), scan.next());
    assert_eq!(resumed.next(), Next::Fetch { pass: 1, page: 1 });
    assert_eq!((resumed.got(), resumed.pages_done()), (3, 3));
}

#[tokio::test]
async fn a_segment_that_ends_forgets_its_pages_and_one_that_is_given_back_keeps_them() {
    let repos = Repos::fresh().await;
    let run = repos.running().await;
    let segment = repos.reading(&run.lease).await;
    let raws = [record(1, 1, "a")];
    let (records, answered) = (read(&raws), answered(2, &raws));
    repos
        .records
        .commit_page(&run.lease, segment.id, &page(&answered, &records))
        .await
        .unwrap();
    repos.segments.reopen(&run.lease, segment.id).await.unwrap();
    assert_eq!(repos.segments.pages(segment.id).await.unwrap().len(), 1);
    let end = SegmentEnd::failed("timeout", "page 1: no answer");
    repos
        .segments
        .end(&run.lease, segment.id, &end)
        .await
        .unwrap();
    repos.segments.reopen(&run.lease, segment.id).await.unwrap();
    assert_eq!(repos.segments.pages(segment.id).await.unwrap().len(), 1);
    repos.segments.begin(&run.lease, segment.id).await.unwrap();
    let end = SegmentEnd::complete(segment.cut.end());
    repos
        .segments
        .end(&run.lease, segment.id, &end)
        .await
        .unwrap();
    assert_eq!(repos.segments.pages(segment.id).await.unwrap(), []);
    let open = repos.segments.open(run.lease.execution_id).await.unwrap();
    assert_eq!(open.len(), 1);
    let all = repos.segments.all(run.lease.execution_id).await.unwrap();
    assert_eq!(
        (all[0].state, all[0].attempts, all[0].got),
        (SegmentState::Complete, 2, 1)
    );
}

#[tokio::test]
async fn a_plan_that_is_there_stays_as_it_is() {
    let repos = Repos::fresh().await;
    let run = repos.running().await;
    let mut planned = plan(Mode::Backfill, &day(), &[6, 8], Sao_Paulo);
    planned.extend(plan_items(&day(), Sao_Paulo));
    repos
        .segments
        .plan_once(&run.lease, &planned)
        .await
        .unwrap();
    let first = repos.segments.all(run.lease.execution_id).await.unwrap();
    let told: Vec<_> = first.iter().map(|it| (it.key, it.day_to, it.cut)).collect();
    let mut wanted: Vec<_> = planned
        .iter()
        .map(|it| (it.key, it.day_to, it.cut))
        .collect();
    wanted.sort_by_key(|(key, ..)| (key.day, key.modalidade));
    assert_eq!(told, wanted);
    let end = SegmentEnd::failed("timeout", "page 3: no answer");
    repos
        .segments
        .end(&run.lease, first[1].id, &end)
        .await
        .unwrap();
    repos
        .segments
        .plan_once(&run.lease, &planned)
        .await
        .unwrap();
    let again = repos.segments.all(run.lease.execution_id).await.unwrap();
    assert_eq!(again.len(), 3);
    assert_eq!(again[1].error_class.as_deref(), Some("timeout"));
}

#[tokio::test]
async fn a_retry_reads_what_is_not_complete() {
    let repos = Repos::fresh().await;
    let run = repos.running().await;
    assert_eq!(
        repos
            .segments
            .left_open(run.lease.execution_id)
            .await
            .unwrap(),
        None
    );
    let segment = repos.reading(&run.lease).await;
    let end = SegmentEnd::complete(at("2025-07-11T03:00:00Z"));
    repos
        .segments
        .end(&run.lease, segment.id, &end)
        .await
        .unwrap();
    let left = repos
        .segments
        .left_open(run.lease.execution_id)
        .await
        .unwrap()
        .unwrap();
    let left: Vec<_> = left.iter().map(|key| (key.modalidade, key.day)).collect();
    assert_eq!(left, [(8, the_10th())]);
}
