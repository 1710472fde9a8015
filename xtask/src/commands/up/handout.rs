//! What shells and other programs are told of the stack: stack.env.

use super::stack::{Stack, local};
use crate::stack_env::StackEnv;

/// Names as the platform's contract has them. Of a demo that is left out there is nothing to say.
pub(super) fn stack_env(stack: &Stack) -> StackEnv {
    let Stack {
        ports,
        urls,
        values,
        ..
    } = stack;
    let mut env = StackEnv::default();
    env.set("DATABASE_URL", &urls.owner);
    env.set("PUBLIC_DATABASE_URL", &urls.public);
    env.set("ADMIN_DATABASE_URL", &urls.admin);
    env.set("INGEST_DATABASE_URL", &urls.ingest);
    env.set("TELEMETRY_DATABASE_URL", &urls.telemetry);
    env.set("RABBITMQ_URL", &urls.broker);
    env.set("QUEUE_NAME", &values.queue_name);
    env.set("PUBLIC_URL", local(ports.public));
    env.set("ADMIN_URL", local(ports.admin));
    env.set("GATEWAY_URL", local(ports.gateway));
    env.set("TELEMETRY_URL", local(ports.telemetry));
    env.set("PUBLIC_OPS_URL", local(ports.public_ops));
    env.set("ADMIN_OPS_URL", local(ports.admin_ops));
    env.set("GATEWAY_OPS_URL", local(ports.gateway_ops));
    env.set("TELEMETRY_OPS_URL", local(ports.telemetry_ops));
    env.set("INGESTOR_OPS_URL", local(ports.ingestor_ops));
    env.set("ADMIN_USERNAME", &values.admin_username);
    env.set("ADMIN_PASSWORD", &values.admin_password);
    if let Some([a, b]) = &stack.tokens {
        env.set("DEMO_JWT", a);
        env.set("DEMO_JWT_B", b);
    }
    if stack.with_demo {
        env.set("DEMO_UPSTREAM_URL", local(ports.demo_upstream));
        env.set("PNCP_URL", &values.pncp_url);
    }
    env.set("SECRET_KEY", &values.secret_key);
    env.set("SSE_CALLBACK_SECRET", &values.callback_secret);
    env
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names that other programs rely on.
    const CONTRACT: [&str; 24] = [
        "DATABASE_URL",
        "PUBLIC_DATABASE_URL",
        "ADMIN_DATABASE_URL",
        "INGEST_DATABASE_URL",
        "TELEMETRY_DATABASE_URL",
        "RABBITMQ_URL",
        "QUEUE_NAME",
        "PUBLIC_URL",
        "ADMIN_URL",
        "GATEWAY_URL",
        "TELEMETRY_URL",
        "PUBLIC_OPS_URL",
        "ADMIN_OPS_URL",
        "GATEWAY_OPS_URL",
        "TELEMETRY_OPS_URL",
        "INGESTOR_OPS_URL",
        "ADMIN_USERNAME",
        "ADMIN_PASSWORD",
        "DEMO_JWT",
        "DEMO_JWT_B",
        "DEMO_UPSTREAM_URL",
        "PNCP_URL",
        "SECRET_KEY",
        "SSE_CALLBACK_SECRET",
    ];

    #[test]
    fn stack_env_has_every_name_of_the_contract_and_no_other() {
        let mut stack = Stack::example();
        stack.with_demo = true;
        let env = stack_env(&stack);
        assert!(env.names().eq(CONTRACT));
        stack.with_demo = false;
        let without: Vec<_> = stack_env(&stack).names().collect();
        let demo = ["DEMO_UPSTREAM_URL", "PNCP_URL"];
        assert!(
            CONTRACT
                .iter()
                .filter(|name| !demo.contains(name))
                .eq(&without)
        );
    }

    #[test]
    fn each_service_has_its_own_address_and_each_tenant_its_own_token() {
        let env = stack_env(&Stack::example());
        let value = |name| env.get(name).unwrap();
        assert_eq!(value("TELEMETRY_URL"), "http://127.0.0.1:8100");
        assert_eq!(value("TELEMETRY_OPS_URL"), "http://127.0.0.1:9200");
        assert_eq!(value("TELEMETRY_DATABASE_URL"), "postgres://t");
        assert_eq!(
            (value("DEMO_JWT"), value("DEMO_JWT_B")),
            ("aa.bb.cc", "dd.ee.ff")
        );
    }
}
