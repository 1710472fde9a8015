//! An `influxd` of a test's own: its folder, its ports, its end.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use test_kit::{PATIENCE, http_get, http_post, wait_until};

use crate::suite::Row;

/// A running server. Ends with its value.
#[derive(Debug)]
pub struct Influxd {
    folder: PathBuf,
    host: Ipv4Addr,
    port: u16,
    child: Option<Child>,
    asks_who: bool,
}

/// The user of a server that asks who somebody is, as `INFLUXDB_TOKEN` names it.
pub const USER: &str = "farol:s3cret";
/// The same as HTTP Basic.
const BASIC: (&str, &str) = ("authorization", "Basic ZmFyb2w6czNjcmV0");

impl Influxd {
    /// Makes a folder below the temporary one and starts a server in it.
    pub async fn start() -> Self {
        Self::launch(false).await
    }

    /// The same, and only [`USER`] is let in.
    pub async fn start_for_its_user() -> Self {
        let server = Self::launch(true).await;
        let create = "CREATE USER farol WITH PASSWORD 's3cret' WITH ALL PRIVILEGES";
        server.command(create).await;
        server
    }

    async fn launch(asks_who: bool) -> Self {
        let unique = uuid::Uuid::new_v4();
        // An address of its own: on that of everybody a port that was free a moment ago is soon another's.
        let [_, x, y, z, ..] = *unique.as_bytes();
        let host = Ipv4Addr::new(127, x, y, z.clamp(1, 254));
        let unique = unique.simple().to_string();
        let folder = std::env::temp_dir().join(format!("farol-influx-{}", &unique[..12]));
        std::fs::create_dir(&folder).expect("a new folder in the temporary folder");
        let mut server = Self {
            folder,
            host,
            port: free_port(host),
            child: None,
            asks_who,
        };
        server.restart().await;
        server
    }

    /// Where it is; the same after a restart.
    pub fn url(&self) -> String {
        format!("http://{}:{}", self.host, self.port)
    }

    /// Kills it.
    pub fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it, again after `kill9`, and returns once it answers.
    pub async fn restart(&mut self) {
        self.kill9();
        std::fs::write(self.folder.join("influxd.conf"), self.config())
            .expect("its configuration can be written");
        let log = std::fs::File::create(self.folder.join("log")).expect("its log can be written");
        let mut command = Command::new("influxd");
        command.arg("-config").arg(self.folder.join("influxd.conf"));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        self.child = Some(
            command
                .spawn()
                .expect("no influxd on PATH: `cargo xtask ci --only influx` installs it"),
        );
        let address = (self.host, self.port);
        wait_until("influxd listens", PATIENCE * 2, async || {
            tokio::net::TcpStream::connect(address).await.is_ok()
        })
        .await;
        wait_until("influxd answers", PATIENCE, async || {
            http_get(&format!("{}/ping", self.url()), &[])
                .await
                .status()
                == 204
        })
        .await;
    }

    /// Writes readings as devices do, each tenant's into its database.
    pub async fn write(&self, rows: &[Row]) {
        for tenant in rows
            .iter()
            .map(|row| &row.tenant)
            .collect::<std::collections::BTreeSet<_>>()
        {
            self.command(&format!("CREATE DATABASE \"telemetry_{tenant}\""))
                .await;
            let lines = rows.iter().filter(|row| row.tenant == *tenant).map(line);
            let lines: Vec<String> = lines.collect();
            let into = format!("{}/write?db=telemetry_{tenant}&precision=ns", self.url());
            let written = http_post(&into, &[BASIC], lines.join("\n").as_bytes()).await;
            assert_eq!(written.status(), 204, "{}", written.text());
        }
    }

    /// A statement of the administrator's. Who asks is told in any case: only some servers look.
    async fn command(&self, statement: &str) {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("q", statement)
            .finish();
        let headers = [("content-type", "application/x-www-form-urlencoded"), BASIC];
        let done = http_post(&format!("{}/query", self.url()), &headers, form.as_bytes()).await;
        assert_eq!(done.status(), 200, "{}", done.text());
    }

    /// Nothing is reported to anybody, nothing listens but on loopback.
    fn config(&self) -> String {
        let folder = self.folder.display();
        let (host, rpc) = (self.host, free_port(self.host));
        format!(
            "reporting-disabled = true\nbind-address = \"{host}:{rpc}\"\n\
             [meta]\ndir = \"{folder}/meta\"\n\
             [data]\ndir = \"{folder}/data\"\nwal-dir = \"{folder}/wal\"\n\
             [monitor]\nstore-enabled = false\n\
             [http]\nbind-address = \"{host}:{}\"\nlog-enabled = false\nauth-enabled = {}\n",
            self.port, self.asks_who
        )
    }
}

impl Drop for Influxd {
    fn drop(&mut self) {
        self.kill9();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// `telemetry,device_id=… field=…,… nanoseconds`; the site is a tag too, as writers have it.
fn line(row: &Row) -> String {
    let mut fields: Vec<String> = row.seq.iter().map(|seq| format!("seq={seq}i")).collect();
    for (name, value) in row.metrics.as_object().unwrap() {
        match value {
            Value::Null => {}
            Value::String(text) => fields.push(format!(
                "{name}=\"{}\"",
                text.replace('\\', "\\\\").replace('"', "\\\"")
            )),
            Value::Number(number) if number.is_i64() => fields.push(format!("{name}={number}i")),
            other => fields.push(format!("{name}={other}")),
        }
    }
    let nanoseconds = row.time.timestamp_nanos_opt().unwrap();
    format!(
        "telemetry,device_id={},site_id=site {} {nanoseconds}",
        row.device,
        fields.join(",")
    )
}

/// A port that was free a moment ago.
fn free_port(host: Ipv4Addr) -> u16 {
    let listener = TcpListener::bind((host, 0)).expect("a free port");
    listener
        .local_addr()
        .expect("a bound listener has an address")
        .port()
}
