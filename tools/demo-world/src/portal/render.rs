//! A procurement as the portal writes it, with the varieties that were seen there: numbers as text,
//! empty text beside null, fields that only some records have.

use std::fmt::{Display, Write as _};

use super::cast::{GOODS, PURPOSES, modalidade_name};
use super::dice::Dice;
use super::record::Record;

/// The record's JSON.
pub(crate) fn record(record: &Record) -> String {
    if let Some(text) = &record.verbatim {
        return text.clone();
    }
    let mut fields = Fields::new(&record.changes);
    let mut dice = Dice::new(record.seed());
    identity(&mut fields, record);
    organ(&mut fields, record, &mut dice);
    kind(&mut fields, record, &mut dice);
    content(&mut fields, record, &mut dice);
    dates(&mut fields, record);
    novelties(&mut fields, &mut dice);
    fields.finish()
}

/// Writes an object field by field, with the changes in place of what is made up.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    text: String,
    changes: &'a [(String, Option<String>)],
    used: Vec<&'a str>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(changes: &'a [(String, Option<String>)]) -> Self {
        Self {
            text: String::with_capacity(2_048),
            changes,
            used: Vec::new(),
        }
    }

    /// A value that is JSON already.
    pub(crate) fn raw(&mut self, name: &str, value: impl Display) {
        match self.changes.iter().find(|(changed, _)| changed == name) {
            None => self.write(name, value),
            Some((changed, instead)) => {
                self.used.push(changed);
                if let Some(instead) = instead {
                    self.write(name, instead);
                }
            }
        }
    }

    /// A text.
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.raw(name, quoted(value));
    }

    fn write(&mut self, name: &str, value: impl Display) {
        let comma = if self.text.is_empty() { '{' } else { ',' };
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{comma}\"{name}\":{value}");
    }

    /// The object, with the changed fields that nobody knew at its end.
    pub(crate) fn finish(mut self) -> String {
        for (name, value) in self.changes {
            if let Some(value) = value
                && !self.used.contains(&name.as_str())
            {
                self.write(name, value);
            }
        }
        self.text.push('}');
        self.text
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A text, or one of the two ways in which the portal says that there is none.
fn maybe(text: &str, dice: &mut Dice) -> String {
    match dice.below(20) {
        0..15 => quoted(text),
        15..18 => "\"\"".to_owned(),
        _ => "null".to_owned(),
    }
}

/// An amount in reais with four decimals: more than a binary fraction keeps.
pub(crate) fn money(ten_thousandths: u64) -> String {
    format!(
        "{}.{:04}",
        ten_thousandths / 10_000,
        ten_thousandths % 10_000
    )
}

fn identity(fields: &mut Fields<'_>, record: &Record) {
    let Record {
        ano, sequencial, ..
    } = record;
    fields.text("numeroControlePNCP", &record.key());
    fields.raw("anoCompra", ano);
    fields.raw("sequencialCompra", sequencial);
    fields.text("numeroCompra", &format!("{sequencial:03}/{ano}"));
    fields.text("processo", &format!("PROC {sequencial}/{ano} - A"));
}

fn organ(fields: &mut Fields<'_>, record: &Record, dice: &mut Dice) {
    let organ = record.organ();
    let (sigla, uf) = organ.uf;
    let own = |name: &str| {
        format!(
            r#"{{"cnpj":"{}","razaoSocial":{},"poderId":"N","esferaId":"M"}}"#,
            record.cnpj,
            quoted(name)
        )
    };
    let unit = format!(
        r#"{{"ufNome":"{uf}","codigoUnidade":"{}","ufSigla":"{sigla}","municipioNome":"{}","nomeUnidade":"Unidade {} de {}","codigoIbge":"{}"}}"#,
        organ.unit, organ.town, organ.unit, organ.town, organ.ibge,
    );
    fields.raw("orgaoEntidade", own(&organ.razao_social));
    fields.raw("unidadeOrgao", &unit);
    let delegated = dice.chance(1);
    let delegate = delegated.then(|| own("CONSÓRCIO DO LITORAL SERENO"));
    fields.raw("orgaoSubRogado", delegate.as_deref().unwrap_or("null"));
    fields.raw("unidadeSubRogada", if delegated { &unit } else { "null" });
}

fn kind(fields: &mut Fields<'_>, record: &Record, dice: &mut Dice) {
    let direct = matches!(record.modalidade, 8 | 9);
    let (mode, mode_name) = if direct {
        (5, "Não se aplica")
    } else {
        (1, "Aberto")
    };
    let (paper, paper_name) = if direct {
        (3, "Ato que autoriza a Contratação Direta")
    } else {
        (1, "Edital")
    };
    fields.raw("modalidadeId", record.modalidade);
    fields.text("modalidadeNome", modalidade_name(record.modalidade));
    fields.raw("modoDisputaId", mode);
    fields.text("modoDisputaNome", mode_name);
    fields.raw("tipoInstrumentoConvocatorioCodigo", paper);
    fields.text("tipoInstrumentoConvocatorioNome", paper_name);
    // A fifth of the updates changes the situation: revoked, annulled, suspended.
    let (state, state_name) = match record.version % 5 {
        4 => (4, "Suspensa"),
        _ if dice.chance(3) => (2, "Revogada"),
        _ => (1, "Divulgada no PNCP"),
    };
    // The published description says text, the answers mostly say number.
    if dice.chance(5) {
        fields.raw("situacaoCompraId", format_args!("\"{state}\""));
    } else {
        fields.raw("situacaoCompraId", state);
    }
    fields.text("situacaoCompraNome", state_name);
    let law = if direct {
        "Lei 14.133/2021, Art. 75, II"
    } else {
        "Lei 14.133/2021, Art. 28, I"
    };
    fields.raw(
        "amparoLegal",
        format_args!(r#"{{"descricao":"hipótese sintética","codigo":{paper},"nome":"{law}"}}"#),
    );
}

fn content(fields: &mut Fields<'_>, record: &Record, dice: &mut Dice) {
    let (goods, purpose) = (dice.one(&GOODS), dice.one(&PURPOSES));
    fields.text(
        "objetoCompra",
        &format!("Aquisição de {goods} para {purpose}, conforme as condições e quantidades do termo de referência sintético."),
    );
    let more = format!(
        "Esclarecimentos sobre {goods} pelo sistema de origem. {}",
        "Texto de exemplo. ".repeat(12)
    );
    let link = format!(
        "https://compras.exemplo.test/processo/{}/{}",
        record.ano, record.sequencial
    );
    fields.raw("informacaoComplementar", maybe(&more, dice));
    fields.raw(
        "justificativaPresencial",
        if dice.chance(80) { "null" } else { "\"\"" },
    );
    fields.raw("linkSistemaOrigem", maybe(&link, dice));
    fields.raw(
        "linkProcessoEletronico",
        if dice.chance(98) {
            "null".to_owned()
        } else {
            quoted(&link)
        },
    );
    fields.raw("srp", dice.chance(30));
    // A quarter is sealed: told as zero.
    let estimated = if dice.chance(25) {
        0
    } else {
        dice.below(90_000_000_000)
    };
    fields.raw("valorTotalEstimado", money(estimated));
    let settled = record.version > 0 || dice.chance(10);
    let value = settled.then(|| money(estimated / 10 * 9 + u64::from(record.version)));
    fields.raw("valorTotalHomologado", value.as_deref().unwrap_or("null"));
    fields.text(
        "usuarioNome",
        dice.one(&["Compras Exemplo", "Portal Sintético", "Licita Demo"]),
    );
    fields.raw("fontesOrcamentarias", "[]");
}

fn dates(fields: &mut Fields<'_>, record: &Record) {
    let published = record.published.format("%Y-%m-%dT%H:%M:%S");
    let updated = record.updated.format("%Y-%m-%dT%H:%M:%S");
    fields.raw("dataInclusao", format_args!("\"{published}\""));
    fields.raw("dataPublicacaoPncp", format_args!("\"{published}\""));
    fields.raw("dataAtualizacao", format_args!("\"{updated}\""));
    if !record.old_shape {
        fields.raw("dataAtualizacaoGlobal", format_args!("\"{updated}\""));
    }
    let open = !matches!(record.modalidade, 8 | 9);
    for (name, days) in [
        ("dataAberturaProposta", 1),
        ("dataEncerramentoProposta", 12),
    ] {
        let day = record.published.date() + chrono::Days::new(days);
        let value = open.then(|| format!("\"{day}T09:00:00\""));
        fields.raw(name, value.as_deref().unwrap_or("null"));
    }
}

/// What appeared in 2026 without notice, on some records only.
fn novelties(fields: &mut Fields<'_>, dice: &mut Dice) {
    match dice.below(10) {
        0..4 => fields.raw("emendaParlamentar", "null"),
        4..6 => fields.raw("emendaParlamentar", "false"),
        6 => fields.raw(
            "emendaParlamentar",
            r#"{"numero":"0001","autor":"Autor Exemplo"}"#,
        ),
        _ => {}
    }
}
