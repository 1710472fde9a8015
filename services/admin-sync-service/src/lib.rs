//! Operators watch, force and review the ingestion; requests leave through RabbitMQ.
