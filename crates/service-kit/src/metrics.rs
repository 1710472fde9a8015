//! The registry behind `/metrics`. Each component registers its own figures here, under its service's prefix.

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder, core::Collector,
};

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// One registry per service. Clones share it.
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
