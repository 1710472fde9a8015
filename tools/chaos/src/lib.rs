//! Nothing runs here: the scenarios are the integration tests of this package, one binary per product. They start
//! real services as processes beside a real Postgres, a real RabbitMQ and the portal's look-alike, and break things.
