//! What the load itself writes where no service does: the same event as the service's, of the same
//! size, so that the figures compare the way and not the freight.

/// The data of change `number`, padded to `size` bytes.
pub(crate) fn data(number: u64, size: usize) -> String {
    let version = format!("\"version\":\"bench-{number}\"}}");
    let lead = "{\"updates\":{\"A101\":\"sold\"},\"as_of\":\"";
    let padding = size.saturating_sub(lead.len() + 2 + version.len());
    format!("{lead}{}\",{version}", ".".repeat(padding))
}

/// The whole event of change `number`, `size` bytes long.
pub(crate) fn event(number: u64, size: usize) -> String {
    let head = format!("id: bench-{number}\nevent: bulk_update\ndata: ");
    let data = data(number, size.saturating_sub(head.len() + 2));
    format!("{head}{data}\n\n")
}

/// One chunk of HTTP/1.1's chunked coding.
pub(crate) fn chunk(body: &str) -> String {
    format!("{:x}\r\n{body}\r\n", body.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markers::Markers;

    #[test]
    fn an_event_has_the_size_asked_for_and_carries_its_number() {
        for number in [1, 10, 1_000] {
            let event = event(number, 250);
            assert_eq!(event.len(), 250);
            let mut found = Vec::new();
            Markers::default().feed(event.as_bytes(), |number| found.push(number));
            assert_eq!(found, [number]);
        }
    }
}
