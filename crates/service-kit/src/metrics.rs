//! The registry behind `/metrics`. Each component registers its own figures here, under its service's prefix.

use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder, core::Collector,
};

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// One registry per service. Clones share it.
///
/// ```
/// use service_kit::{COMMIT, VERSION, metrics::Metrics};
///
/// let metrics = Metrics::new("public-service", VERSION, COMMIT)?;
/// let closed = metrics.counter_vec("public_streams_closed_total", "Streams that ended.", &["reason"])?;
/// closed.with_label_values(&["draining"]).inc();
/// assert!(metrics.render().contains(r#"public_streams_closed_total{reason="draining"} 1"#));
/// # Ok::<(), prometheus::Error>(())
/// ```
///
/// Names end in their base unit (`_seconds`, `_bytes`) or `_total`; label sets are closed (no slug, tenant or URL).
/// Every constructor fails only for an invalid or already registered name, which is a mistake found at start.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// A registry with `build_info{version,commit}` and the process metrics (memory, CPU, descriptors).
    ///
    /// # Errors
    /// Where the registry refuses a name.
    pub fn new(service: &str, version: &str, commit: &str) -> prometheus::Result<Self> {
        let metrics = Self {
            registry: Registry::new(),
        };
        metrics.register_process()?;
        let help = format!("Always 1; the labels tell which build of {service} runs.");
        metrics
            .gauge_vec("build_info", &help, &["version", "commit"])?
            .with_label_values(&[version, commit])
            .set(1);
        Ok(metrics)
    }

    /// A figure that only grows.
    ///
    /// # Errors
    /// Invalid or taken name.
    pub fn counter(&self, name: &str, help: &str) -> prometheus::Result<IntCounter> {
        self.register(IntCounter::new(name, help)?)
    }

    /// Figures that only grow, told apart by labels.
    ///
    /// # Errors
    /// Invalid or taken name.
    pub fn counter_vec(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> prometheus::Result<IntCounterVec> {
        self.register(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    /// A figure that goes up and down.
    ///
    /// # Errors
    /// Invalid or taken name.
    pub fn gauge(&self, name: &str, help: &str) -> prometheus::Result<IntGauge> {
        self.register(IntGauge::new(name, help)?)
    }

    /// A limit of the settings, beside the gauge of what is taken: alerts need not be told it again. It never moves.
    ///
    /// # Errors
    /// Invalid or taken name.
    pub fn limit(&self, name: &str, help: &str, most: usize) -> prometheus::Result<()> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.gauge(name, help)?.set(most);
        Ok(())
    }

    /// A figure with a fraction that goes up and down.
    ///
    /// # Errors
    /// Invalid or taken name.
    pub fn float_gauge(&self, name: &str, help: &str) -> prometheus::Result<Gauge> {
        self.register(Gauge::new(name, help)?)
    }

    /// Figures that go up and down, told apart by labels.
    ///
    /// # Errors
    /// Invalid or taken name.
    pub fn gauge_vec(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> prometheus::Result<IntGaugeVec> {
        self.register(IntGaugeVec::new(Opts::new(name, help), labels)?)
    }

    /// A distribution over `buckets` (upper bounds, ascending, in the base unit of the name).
    ///
    /// # Errors
    /// Invalid or taken name, or buckets that do not ascend.
    pub fn histogram(
        &self,
        name: &str,
        help: &str,
        buckets: &[f64],
    ) -> prometheus::Result<Histogram> {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.register(Histogram::with_opts(options)?)
    }

    /// Distributions, told apart by labels.
    ///
    /// # Errors
    /// Invalid or taken name, or buckets that do not ascend.
    pub fn histogram_vec(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> prometheus::Result<HistogramVec> {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.register(HistogramVec::new(options, labels)?)
    }

    /// All figures in the Prometheus text format.
    pub fn render(&self) -> String {
        let mut text = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "a metric cannot be written as text");
        }
        text
    }

    fn register<C: Collector + Clone + 'static>(&self, collector: C) -> prometheus::Result<C> {
        self.registry.register(Box::new(collector.clone()))?;
        Ok(collector)
    }

    #[cfg(target_os = "linux")]
    fn register_process(&self) -> prometheus::Result<()> {
        let collector = prometheus::process_collector::ProcessCollector::for_self();
        self.registry.register(Box::new(collector))
    }

    /// The collector reads `/proc`, which only Linux has.
    #[cfg(not(target_os = "linux"))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "the same shape on every system"
    )]
    fn register_process(&self) -> prometheus::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics() -> Metrics {
        Metrics::new("public-service", "1.2.3", "abc").unwrap()
    }

    #[test]
    fn the_build_is_told() {
        let text = metrics().render();
        assert!(
            text.contains(r#"build_info{commit="abc",version="1.2.3"} 1"#),
            "{text}"
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_process_is_measured() {
        let text = metrics().render();
        for name in [
            "process_resident_memory_bytes ",
            "process_cpu_seconds_total ",
            "process_open_fds ",
            "process_max_fds ",
            "process_threads ",
        ] {
            assert!(
                text.lines().any(|line| line.starts_with(name)),
                "{name} in {text}"
            );
        }
    }

    #[test]
    fn figures_are_rendered_under_their_names() {
        let metrics = metrics();
        metrics
            .counter("test_things_total", "Things.")
            .unwrap()
            .inc();
        metrics.gauge("test_open", "Open.").unwrap().set(-3);
        metrics.limit("test_open_max", "Most.", 7).unwrap();
        metrics
            .counter_vec("test_ends_total", "Ends.", &["reason"])
            .unwrap()
            .with_label_values(&["closed"])
            .inc_by(2);
        metrics
            .histogram("test_duration_seconds", "Time.", &[0.1, 1.0])
            .unwrap()
            .observe(0.5);
        let text = metrics.clone().render();
        for line in [
            "test_things_total 1",
            "test_open -3",
            "test_open_max 7",
            r#"test_ends_total{reason="closed"} 2"#,
            r#"test_duration_seconds_bucket{le="0.1"} 0"#,
            r#"test_duration_seconds_bucket{le="1"} 1"#,
            "test_duration_seconds_sum 0.5",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }

    #[test]
    fn a_name_is_registered_once() {
        let metrics = metrics();
        assert!(metrics.gauge("test_open", "Open.").is_ok());
        assert!(metrics.gauge("test_open", "Open.").is_err());
        assert!(metrics.counter("not a name", "No.").is_err());
    }
}
