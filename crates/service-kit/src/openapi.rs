//! What the `OpenAPI` documents of services share: the answer of a problem, what holds for many operations at once, and how
//! a document is written down. The operations are described beside the handlers of each service.

use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{Modify, ToResponse};

use crate::problem;

/// The document as it is served and committed: pretty JSON in a stable order, with a line end.
pub fn text(document: &OpenApi) -> String {
    // Texts, numbers and maps with text keys always serialize.
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// Adds the schema of problems, and the answers that have it.
#[derive(Debug)]
pub struct Problems;

impl Modify for Problems {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        components.schemas.extend(problem::schemas());
        let answers = [
            Refused::response(),
            ComeBack::response(),
            WhoAreYou::response(),
        ];
        for (name, answer) in answers {
            components.responses.insert(name.to_owned(), answer);
        }
    }
}

/// A problem.
#[derive(Debug)]
pub struct Refused;

/// A problem with `Retry-After`.
#[derive(Debug)]
pub struct ComeBack;

/// A problem with `WWW-Authenticate`.
#[derive(Debug)]
pub struct WhoAreYou;

impl ToResponse<'static> for Refused {
    fn response() -> (&'static str, RefOr<Response>) {
        let answer = refusal("The request is refused; `code` says why.");
        ("Refused", answer.build().into())
    }
}

impl ToResponse<'static> for ComeBack {
    fn response() -> (&'static str, RefOr<Response>) {
        let wait = header(Type::Integer, "Whole seconds, never less than the wait.");
        let answer = refusal("Not now: `code` says why, `Retry-After` when to come again.");
        let answer = answer.header("Retry-After", wait);
        ("ComeBack", answer.build().into())
    }
}

impl ToResponse<'static> for WhoAreYou {
    fn response() -> (&'static str, RefOr<Response>) {
        let challenge = header(Type::String, "How to show who you are (RFC 9110).");
        let answer = refusal("Nobody is known by what was sent; `code` says why.");
        let answer = answer.header("WWW-Authenticate", challenge);
        ("WhoAreYou", answer.build().into())
    }
}

fn refusal(description: &str) -> ResponseBuilder {
    let schema = Ref::from_schema_name("Problem");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new()
        .description(description)
        .content(problem::CONTENT_TYPE, content)
}

fn header(kind: Type, description: &str) -> Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(kind)))
        .description(Some(description))
        .build()
}

/// `operation` may be answered `status` with the answer that `R` is, where it does not say something else itself.
pub fn may_be<R: ToResponse<'static>>(operation: &mut Operation, status: &str) {
    let (name, _) = R::response();
    let responses = &mut operation.responses.responses;
    let answer = RefOr::Ref(Ref::from_response_name(name));
    responses.entry(status.to_owned()).or_insert(answer);
}

/// The operations of a path, whatever their method.
pub fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let methods = [
        &mut item.get,
        &mut item.head,
        &mut item.post,
        &mut item.put,
        &mut item.delete,
    ];
    methods.into_iter().flatten()
}

/// A GET of this path may be a HEAD: the same answers, without a body.
pub fn add_head(item: &mut PathItem) {
    let Some(mut head) = item.get.clone() else {
        return;
    };
    for answer in head.responses.responses.values_mut() {
        let description = match answer {
            RefOr::T(answer) => answer.description.clone(),
            RefOr::Ref(_) => "The head of the problem that a GET gets.".to_owned(),
        };
        *answer = Response::new(description).into();
    }
    head.operation_id = head.operation_id.map(|id| format!("{id}_head"));
    item.head = Some(head);
}

/// The operations of `item` under another path, with identities that end in `suffix`.
pub fn alias(item: &PathItem, suffix: &str) -> PathItem {
    let mut alias = item.clone();
    for operation in operations(&mut alias) {
        operation.operation_id = operation
            .operation_id
            .take()
            .map(|id| format!("{id}_{suffix}"));
    }
    alias
}
