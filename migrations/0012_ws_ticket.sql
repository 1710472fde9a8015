-- Why: a browser cannot set a header on a WebSocket, and a token in an address ends in logs. So it asks for a ticket
-- with its token, and opens the socket with the ticket: single use, seconds of life, good at any replica. Only the
-- ticket's hash is here, so that whoever reads this table can open nothing.
--
-- Whoever puts one in removes those that have expired, and each tenant asks for so many per minute (the limit of the
-- REST side), so the table stays small by itself.
CREATE TABLE ws_ticket (
    ticket_hash bytea PRIMARY KEY CHECK (octet_length(ticket_hash) = 32),
    claims      jsonb NOT NULL CHECK (pg_column_size(claims) <= 16384),
    expires_at  timestamptz NOT NULL
);
CREATE INDEX ws_ticket_expires_at ON ws_ticket (expires_at);

REVOKE ALL ON ws_ticket FROM PUBLIC;
GRANT SELECT, INSERT, DELETE ON ws_ticket TO farol_telemetry;
