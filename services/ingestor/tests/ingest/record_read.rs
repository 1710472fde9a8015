//! The portal's records and items become columns, however loosely it writes them.

use chrono::{DateTime, Utc};
use chrono_tz::America::Sao_Paulo;
use farol_core::sync::Endpoint;
use ingestor::ingest::item::Item;
use ingestor::ingest::record::{Record, Unreadable};
use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};

pub(crate) fn raw(text: impl Into<String>) -> Box<RawValue> {
    RawValue::from_string(text.into()).unwrap()
}

/// A record as the portal writes it today; nothing in it is anybody's.
pub(crate) fn contratacao() -> Value {
    json!({
        "numeroControlePNCP": "00000000000000-1-000012/2026",
        "orgaoEntidade": {"cnpj": "00000000000000", "razaoSocial": "MUNICIPIO DE PORTO SERENO", "poderId": "N", "esferaId": "M"},
        "unidadeOrgao": {"ufNome": "Bahia", "codigoUnidade": "007", "ufSigla": "BA", "municipioNome": "Porto Sereno", "nomeUnidade": "Secretaria", "codigoIbge": "2900000"},
        "orgaoSubRogado": null,
        "anoCompra": 2026, "sequencialCompra": 12, "numeroCompra": "012/2026 - PE", "processo": "44",
        "modalidadeId": 6, "modalidadeNome": "Pregão - Eletrônico", "modoDisputaId": 1, "modoDisputaNome": "Aberto",
        "tipoInstrumentoConvocatorioCodigo": 1, "tipoInstrumentoConvocatorioNome": "Edital",
        "situacaoCompraId": 1, "situacaoCompraNome": "Divulgada no PNCP",
        "amparoLegal": {"codigo": 1, "nome": "Lei 14.133/2021, Art. 28, I", "descricao": "pregão"},
        "objetoCompra": "Lâmpadas", "informacaoComplementar": " com \"aspas\"\n", "srp": true,
        "valorTotalEstimado": 174_384.14, "valorTotalHomologado": null,
        "dataInclusao": "2026-02-10T07:10:58", "dataPublicacaoPncp": "2026-02-10T07:10:59",
        "dataAtualizacao": "2026-02-11T00:00:00", "dataAtualizacaoGlobal": "2026-02-12T00:00:00.5",
        "dataAberturaProposta": "2026-02-20T08:00", "dataEncerramentoProposta": null,
        "linkSistemaOrigem": "https://compras.exemplo.test/12", "linkProcessoEletronico": null,
        "usuarioNome": "Sistema", "fontesOrcamentarias": [], "emendaParlamentar": {"novo": true}
    })
}

fn with(name: &str, value: Value) -> Box<RawValue> {
    let mut record = contratacao();
    *record.pointer_mut(name).unwrap() = value;
    raw(record.to_string())
}

fn without(name: &str) -> Box<RawValue> {
    let mut record = contratacao();
    record.as_object_mut().unwrap().remove(name).unwrap();
    raw(record.to_string())
}

fn read(raw: &RawValue) -> Result<Record<'_>, Unreadable<'_>> {
    Record::read(raw, Sao_Paulo)
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[test]
fn every_column_is_read() {
    let raw = raw(contratacao().to_string());
    let record = read(&raw).unwrap();
    assert_eq!(record.numero_controle_pncp, "00000000000000-1-000012/2026");
    assert_eq!(record.orgao.cnpj, "00000000000000");
    assert_eq!(
        record.orgao.razao_social.as_deref(),
        Some("MUNICIPIO DE PORTO SERENO")
    );
    assert_eq!(record.orgao.poder_id.as_deref(), Some("N"));
    assert_eq!(record.unidade.codigo_unidade, "007");
    assert_eq!(record.unidade.codigo_ibge.as_deref(), Some("2900000"));
    assert_eq!(record.unidade.uf_sigla.as_deref(), Some("BA"));
    assert_eq!((record.ano_compra, record.sequencial_compra), (2026, 12));
    assert_eq!((record.modalidade_id, record.modo_disputa_id), (6, Some(1)));
    assert_eq!(record.situacao_compra_id, Some(1));
    assert_eq!(record.amparo_legal_codigo, Some(1));
    assert_eq!(record.objeto_compra.as_deref(), Some("Lâmpadas"));
    assert_eq!(
        record.informacao_complementar.as_deref(),
        Some(" com \"aspas\"\n")
    );
    assert_eq!(record.srp, Some(true));
    assert_eq!(record.valor_total_estimado.unwrap().as_str(), "174384.14");
    assert_eq!(record.valor_total_homologado, None);
    assert_eq!(record.raw, raw.get());
}

#[test]
fn times_are_brasilias() {
    let raw = raw(contratacao().to_string());
    let record = read(&raw).unwrap();
    assert_eq!(record.data_publicacao_pncp, at("2026-02-10T10:10:59Z"));
    assert_eq!(record.data_atualizacao_global, at("2026-02-12T03:00:00.5Z"));
    assert_eq!(
        record.data_abertura_proposta,
        Some(at("2026-02-20T11:00:00Z"))
    );
    assert_eq!(record.data_encerramento_proposta, None);
    assert_eq!(
        record.time(Endpoint::Publicacao),
        record.data_publicacao_pncp
    );
    assert_eq!(
        record.time(Endpoint::Atualizacao),
        record.data_atualizacao_global
    );
}

#[test]
fn the_version_of_a_payload_without_global_is_its_last_update() {
    for raw in [
        without("dataAtualizacaoGlobal"),
        with("/dataAtualizacaoGlobal", json!("")),
    ] {
        let record = read(&raw).unwrap();
        assert_eq!(record.data_atualizacao_global, at("2026-02-11T03:00:00Z"));
    }
}

#[test]
fn empty_text_and_null_and_absence_are_one() {
    for name in [
        "informacaoComplementar",
        "linkSistemaOrigem",
        "situacaoCompraId",
        "valorTotalEstimado",
        "dataInclusao",
        "srp",
    ] {
        let pointer = format!("/{name}");
        let read_from = |raw: Box<RawValue>| {
            let record = read(&raw).unwrap_or_else(|flaw| panic!("{name}: {flaw:?}"));
            let mut told = format!("{record:?}");
            told.truncate(told.find("raw: ").unwrap());
            told
        };
        let expected = read_from(with(&pointer, Value::Null));
        assert_eq!(read_from(with(&pointer, json!(""))), expected, "{name}");
        assert_eq!(read_from(without(name)), expected, "{name}");
    }
}

#[test]
fn ids_are_numbers_or_text_and_text_may_be_a_number() {
    let raws = [
        with("/situacaoCompraId", json!("2")),
        with("/situacaoCompraId", json!(2)),
    ];
    for raw in &raws {
        assert_eq!(read(raw).unwrap().situacao_compra_id, Some(2));
    }
    let ibge = with("/unidadeOrgao/codigoIbge", json!(2_900_000));
    assert_eq!(
        read(&ibge).unwrap().unidade.codigo_ibge.as_deref(),
        Some("2900000")
    );
}

#[test]
fn amounts_keep_every_digit() {
    for digits in [
        "0.1",
        "174384.1400",
        "99999999999999999999.9999",
        "-1.5",
        "1E+3",
        "0",
    ] {
        let text = contratacao().to_string().replace("174384.14", digits);
        let raw = raw(text);
        assert_eq!(
            read(&raw).unwrap().valor_total_estimado.unwrap().as_str(),
            digits
        );
    }
    let text = with("/valorTotalEstimado", json!("12.5000"));
    assert_eq!(
        read(&text).unwrap().valor_total_estimado.unwrap().as_str(),
        "12.5000"
    );
}

#[test]
fn a_cnpj_is_text_with_its_zeros_and_letters() {
    for cnpj in ["00000000000191", "12ABC34501DE35"] {
        let raw = with("/orgaoEntidade/cnpj", json!(cnpj));
        assert_eq!(read(&raw).unwrap().orgao.cnpj, cnpj);
    }
}

#[test]
fn what_a_column_cannot_hold_is_told_by_its_field() {
    for (raw, reason) in [
        (
            without("numeroControlePNCP"),
            "numeroControlePNCP is missing",
        ),
        (
            with("/numeroControlePNCP", json!("9".repeat(101))),
            "numeroControlePNCP is too long for a key",
        ),
        (
            with("/orgaoEntidade", json!(null)),
            "orgaoEntidade is missing",
        ),
        (
            with("/orgaoEntidade", json!("a town")),
            "orgaoEntidade is not an object",
        ),
        (
            with("/orgaoEntidade/cnpj", json!(" ")),
            "orgaoEntidade.cnpj is missing",
        ),
        (
            with("/unidadeOrgao/codigoUnidade", json!([1])),
            "unidadeOrgao.codigoUnidade is not text",
        ),
        (
            with("/anoCompra", json!("this year")),
            "anoCompra is not a whole number",
        ),
        (
            with("/sequencialCompra", json!(3_000_000_000_u64)),
            "sequencialCompra is out of range",
        ),
        (
            with("/modalidadeId", json!(40_000)),
            "modalidadeId is out of range",
        ),
        (
            with("/situacaoCompraId", json!(1.5)),
            "situacaoCompraId is not a whole number",
        ),
        (
            with("/valorTotalEstimado", json!("4.920,00")),
            "valorTotalEstimado is not a decimal number",
        ),
        (
            with("/valorTotalEstimado", json!("NaN")),
            "valorTotalEstimado is not a decimal number",
        ),
        (with("/srp", json!(7)), "srp is neither true nor false"),
        (
            with("/dataPublicacaoPncp", json!("10/02/2026")),
            "dataPublicacaoPncp is not a time",
        ),
        (
            without("dataPublicacaoPncp"),
            "dataPublicacaoPncp is missing",
        ),
        (
            with("/dataAberturaProposta", json!("2026-02-30T08:00:00")),
            "dataAberturaProposta is not a time",
        ),
        (
            with("/amparoLegal/codigo", json!({})),
            "amparoLegal.codigo is not text",
        ),
        (
            with(
                "/emendaParlamentar",
                serde_json::from_str(&format!("{}1{}", "[".repeat(90), "]".repeat(90))).unwrap(),
            ),
            "it is nested too deeply",
        ),
    ] {
        assert_eq!(read(&raw).unwrap_err().reason, reason);
    }
}

#[test]
fn an_unreadable_record_keeps_its_key_and_its_times_where_it_has_them() {
    let raw = with("/modalidadeId", json!("six"));
    let unreadable = read(&raw).unwrap_err();
    assert_eq!(
        unreadable.key.as_deref(),
        Some("00000000000000-1-000012/2026")
    );
    assert_eq!(
        unreadable.time(Endpoint::Publicacao),
        Some(at("2026-02-10T10:10:59Z"))
    );
    assert_eq!(
        unreadable.time(Endpoint::Atualizacao),
        Some(at("2026-02-12T03:00:00.5Z"))
    );
    assert_eq!(unreadable.raw, raw.get());
}

#[test]
fn what_is_no_object_is_unreadable_without_a_key() {
    for text in [
        "null",
        "7",
        "\"text\"",
        "[]",
        r#"{"anoCompra":1,"anoCompra":2}"#,
    ] {
        let raw = raw(text);
        let unreadable = read(&raw).unwrap_err();
        assert_eq!(unreadable.key, None, "{text}");
        assert!(
            unreadable.reason.starts_with("not a contratacao: "),
            "{unreadable:?}"
        );
    }
}

#[test]
fn text_without_escapes_is_not_copied() {
    let raw = raw(contratacao().to_string());
    let record = read(&raw).unwrap();
    let inside = |text: &str| raw.get().as_bytes().as_ptr_range().contains(&text.as_ptr());
    assert!(inside(&record.objeto_compra.unwrap()));
    assert!(inside(&record.numero_controle_pncp));
    assert!(inside(&record.raw));
}

#[test]
fn an_item_is_read() {
    let raw = raw(
        r#"{"numeroItem":1,"descricao":"Dieta","materialOuServico":"M","valorUnitarioEstimado":0.0951,"valorTotal":441073.8,"quantidade":4638000.0,"unidadeMedida":"ML ","criterioJulgamentoId":"1","situacaoCompraItem":2,"tipoBeneficio":4,"dataInclusao":"2026-02-26T09:40:40","dataAtualizacao":null,"temResultado":true}"#,
    );
    let item = Item::read(&raw, Sao_Paulo).unwrap();
    assert_eq!(item.numero_item, 1);
    assert_eq!(item.descricao.as_deref(), Some("Dieta"));
    assert_eq!(item.valor_unitario_estimado.unwrap().as_str(), "0.0951");
    assert_eq!(item.quantidade.unwrap().as_str(), "4638000.0");
    assert_eq!(
        (item.criterio_julgamento_id, item.tipo_beneficio),
        (Some(1), Some(4))
    );
    assert_eq!(item.data_inclusao, Some(at("2026-02-26T12:40:40Z")));
    assert_eq!(item.data_atualizacao, None);
    assert_eq!(item.raw, raw.get());
}

#[test]
fn an_item_without_a_number_is_unreadable_and_one_with_a_flaw_keeps_its_number() {
    let nameless = raw(r#"{"descricao":"x"}"#);
    let unreadable = Item::read(&nameless, Sao_Paulo).unwrap_err();
    assert_eq!(
        (unreadable.numero_item, unreadable.reason.as_str()),
        (None, "numeroItem is missing")
    );
    let flawed = raw(r#"{"numeroItem":"3","quantidade":"many"}"#);
    let unreadable = Item::read(&flawed, Sao_Paulo).unwrap_err();
    assert_eq!(unreadable.numero_item, Some(3));
    assert_eq!(unreadable.reason, "quantidade is not a decimal number");
}

proptest! {
    /// Whatever one field becomes, the record is read or told; nothing panics, and the raw text stays JSON.
    #[test]
    fn no_value_of_any_field_breaks_the_reading(place in 0_usize..100, text in ".{0,30}", number: f64, kind in 0..5) {
        let mut record = contratacao();
        let fields = record.as_object_mut().unwrap();
        let name = fields.keys().nth(place % fields.len()).unwrap().clone();
        fields[&name] = match kind {
            0 => json!(text),
            1 => json!(number),
            2 => json!([text]),
            3 => json!({ text: number }),
            _ => json!(number.to_string()),
        };
        let raw = raw(record.to_string());
        let stored = match read(&raw) {
            Ok(record) => record.raw.into_owned(),
            Err(unreadable) => unreadable.raw.into_owned(),
        };
        prop_assert!(serde_json::from_str::<Value>(&stored).is_ok());
    }
}
