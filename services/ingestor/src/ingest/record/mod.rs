//! One contratacao as the portal tells it, read into the columns that it is kept in. Text is borrowed from the page:
//! reading is on the way of every record, and most of it is text.

mod wire;

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use farol_core::sync::Endpoint;
use serde_json::value::RawValue;

pub use super::field::Decimal;

/// A contratacao that can be kept. The fields are the columns of `pncp_contratacoes` (migration 0007), which tells
/// what each means.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each field is the column of its name")]
pub struct Record<'a> {
    pub numero_controle_pncp: Cow<'a, str>,
    pub orgao: Orgao<'a>,
    pub unidade: Unidade<'a>,
    pub ano_compra: i32,
    pub sequencial_compra: i32,
    pub numero_compra: Option<Cow<'a, str>>,
    pub processo: Option<Cow<'a, str>>,
    pub modalidade_id: i16,
    pub modalidade_nome: Option<Cow<'a, str>>,
    pub modo_disputa_id: Option<i16>,
    pub modo_disputa_nome: Option<Cow<'a, str>>,
    pub tipo_instrumento_codigo: Option<i16>,
    pub tipo_instrumento_nome: Option<Cow<'a, str>>,
    pub situacao_compra_id: Option<i16>,
    pub situacao_compra_nome: Option<Cow<'a, str>>,
    pub amparo_legal_codigo: Option<i32>,
    pub amparo_legal_nome: Option<Cow<'a, str>>,
    pub objeto_compra: Option<Cow<'a, str>>,
    pub informacao_complementar: Option<Cow<'a, str>>,
    pub srp: Option<bool>,
    pub valor_total_estimado: Option<Decimal<'a>>,
    pub valor_total_homologado: Option<Decimal<'a>>,
    pub data_inclusao: Option<DateTime<Utc>>,
    pub data_publicacao_pncp: DateTime<Utc>,
    pub data_atualizacao: Option<DateTime<Utc>>,
    pub data_atualizacao_global: DateTime<Utc>,
    pub data_abertura_proposta: Option<DateTime<Utc>>,
    pub data_encerramento_proposta: Option<DateTime<Utc>>,
    pub link_sistema_origem: Option<Cow<'a, str>>,
    pub link_processo_eletronico: Option<Cow<'a, str>>,
    pub usuario_nome: Option<Cow<'a, str>>,
    /// The whole record as the portal wrote it, unknown fields included; Postgres takes it as `jsonb`.
    pub raw: Cow<'a, str>,
}

/// The organ that buys: a row of `pncp_orgaos`.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each field is the column of its name")]
pub struct Orgao<'a> {
    pub cnpj: Cow<'a, str>,
    pub razao_social: Option<Cow<'a, str>>,
    pub poder_id: Option<Cow<'a, str>>,
    pub esfera_id: Option<Cow<'a, str>>,
}

/// Its unit: a row of `pncp_unidades`, whose key is the organ with the code.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each field is the column of its name")]
pub struct Unidade<'a> {
    pub codigo_unidade: Cow<'a, str>,
    pub nome_unidade: Option<Cow<'a, str>>,
    pub codigo_ibge: Option<Cow<'a, str>>,
    pub municipio_nome: Option<Cow<'a, str>>,
    pub uf_sigla: Option<Cow<'a, str>>,
    pub uf_nome: Option<Cow<'a, str>>,
}

/// A record that cannot be kept, with what could be read of it all the same: it counts as seen, and goes to
/// `sync_quarantine`.
#[derive(Clone, Debug, PartialEq)]
pub struct Unreadable<'a> {
    /// Its `numeroControlePNCP`, where it has one.
    pub key: Option<String>,
    /// Its `dataPublicacaoPncp`, where that is a time.
    pub published: Option<DateTime<Utc>>,
    /// Its version, where that is a time.
    pub version: Option<DateTime<Utc>>,
    /// The field and what is wrong with it.
    pub reason: String,
    /// The record for `jsonb`: as it came, or as one JSON text where Postgres would not take it.
    pub raw: Cow<'a, str>,
}

impl<'a> Record<'a> {
    /// Reads one record of a page. Times without an offset are `zone`'s.
    ///
    /// # Errors
    /// [`Unreadable`] where a column that must be there is not, or one holds what its type cannot.
    pub fn read(raw: &'a RawValue, zone: Tz) -> Result<Self, Unreadable<'a>> {
        wire::read(raw, zone)
    }

    /// The time that `endpoint` filters and sorts by.
    pub fn time(&self, endpoint: Endpoint) -> DateTime<Utc> {
        match endpoint {
            Endpoint::Publicacao => self.data_publicacao_pncp,
            Endpoint::Atualizacao | Endpoint::Itens => self.data_atualizacao_global,
        }
    }
}

impl Unreadable<'_> {
    /// The time that `endpoint` filters and sorts by, where it could be read.
    pub fn time(&self, endpoint: Endpoint) -> Option<DateTime<Utc>> {
        match endpoint {
            Endpoint::Publicacao => self.published,
            Endpoint::Atualizacao | Endpoint::Itens => self.version,
        }
    }
}
