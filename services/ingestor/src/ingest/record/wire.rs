//! The portal's JSON of a contratacao: where each column stands in it. Names are the portal's.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Orgao, Record, Unidade, Unreadable};
use crate::ingest::{
    field::{Field, Flaw},
    storable,
};

/// A value that is read later, where a flaw can be told by its field. One `borrow` in a struct is enough for all.
type Value<'a> = Option<&'a RawValue>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow, rename = "numeroControlePNCP")]
    numero_controle: Value<'a>,
    orgao_entidade: Value<'a>,
    unidade_orgao: Value<'a>,
    ano_compra: Value<'a>,
    sequencial_compra: Value<'a>,
    numero_compra: Value<'a>,
    processo: Value<'a>,
    modalidade_id: Value<'a>,
    modalidade_nome: Value<'a>,
    modo_disputa_id: Value<'a>,
    modo_disputa_nome: Value<'a>,
    tipo_instrumento_convocatorio_codigo: Value<'a>,
    tipo_instrumento_convocatorio_nome: Value<'a>,
    situacao_compra_id: Value<'a>,
    situacao_compra_nome: Value<'a>,
    amparo_legal: Value<'a>,
    objeto_compra: Value<'a>,
    informacao_complementar: Value<'a>,
    srp: Value<'a>,
    valor_total_estimado: Value<'a>,
    valor_total_homologado: Value<'a>,
    data_inclusao: Value<'a>,
    data_publicacao_pncp: Value<'a>,
    data_atualizacao: Value<'a>,
    data_atualizacao_global: Value<'a>,
    data_abertura_proposta: Value<'a>,
    data_encerramento_proposta: Value<'a>,
    link_sistema_origem: Value<'a>,
    link_processo_eletronico: Value<'a>,
    usuario_nome: Value<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrgaoWire<'a> {
    #[serde(borrow)]
    cnpj: Value<'a>,
    // The manual spells it in lower case.
    #[serde(alias = "razaosocial")]
    razao_social: Value<'a>,
    poder_id: Value<'a>,
    esfera_id: Value<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UnidadeWire<'a> {
    #[serde(borrow)]
    codigo_unidade: Value<'a>,
    nome_unidade: Value<'a>,
    codigo_ibge: Value<'a>,
    municipio_nome: Value<'a>,
    uf_sigla: Value<'a>,
    uf_nome: Value<'a>,
}

#[derive(Default, Deserialize)]
struct AmparoWire<'a> {
    #[serde(borrow)]
    codigo: Value<'a>,
    nome: Value<'a>,
}

pub(super) fn read(raw: &RawValue, zone: Tz) -> Result<Record<'_>, Unreadable<'_>> {
    let wire: Wire<'_> = serde_json::from_str(raw.get()).map_err(|error| Unreadable {
        key: None,
        published: None,
        version: None,
        reason: format!("not a contratacao: {error}"),
        raw: storable::always(raw.get()),
    })?;
    let record = match storable::as_jsonb(raw.get()) {
        Ok(text) => wire.record(text, zone).map_err(|flaw| flaw.to_string()),
        Err(reason) => Err(reason.to_owned()),
    };
    record.map_err(|reason| Unreadable {
        key: wire.key().ok().map(Cow::into_owned),
        published: wire.published(zone).ok(),
        version: wire.version(zone).ok(),
        reason,
        raw: storable::always(raw.get()),
    })
}

impl<'a> Wire<'a> {
    fn key(&self) -> Result<Cow<'a, str>, Flaw> {
        Field("numeroControlePNCP", self.numero_controle).must(Field::key)
    }

    fn published(&self, zone: Tz) -> Result<DateTime<Utc>, Flaw> {
        let field = Field("dataPublicacaoPncp", self.data_publicacao_pncp);
        field.instant(zone)?.ok_or(field.flaw("is missing"))
    }

    fn updated(&self, zone: Tz) -> Result<Option<DateTime<Utc>>, Flaw> {
        Field("dataAtualizacao", self.data_atualizacao).instant(zone)
    }

    /// Payloads of 2023 have no Global.
    fn version(&self, zone: Tz) -> Result<DateTime<Utc>, Flaw> {
        let field = Field("dataAtualizacaoGlobal", self.data_atualizacao_global);
        match field.instant(zone)? {
            Some(global) => Ok(global),
            None => self.updated(zone)?.ok_or(field.flaw("is missing")),
        }
    }

    fn record(&self, raw: Cow<'a, str>, zone: Tz) -> Result<Record<'a>, Flaw> {
        let amparo: AmparoWire<'a> = part("amparoLegal", self.amparo_legal)?.unwrap_or_default();
        Ok(Record {
            numero_controle_pncp: self.key()?,
            orgao: OrgaoWire::read(Field("orgaoEntidade", self.orgao_entidade))?,
            unidade: UnidadeWire::read(Field("unidadeOrgao", self.unidade_orgao))?,
            ano_compra: Field("anoCompra", self.ano_compra).must(Field::number)?,
            sequencial_compra: Field("sequencialCompra", self.sequencial_compra)
                .must(Field::number)?,
            numero_compra: Field("numeroCompra", self.numero_compra).text()?,
            processo: Field("processo", self.processo).text()?,
            modalidade_id: Field("modalidadeId", self.modalidade_id).must(Field::number)?,
            modalidade_nome: Field("modalidadeNome", self.modalidade_nome).text()?,
            modo_disputa_id: Field("modoDisputaId", self.modo_disputa_id).number()?,
            modo_disputa_nome: Field("modoDisputaNome", self.modo_disputa_nome).text()?,
            tipo_instrumento_codigo: Field(
                "tipoInstrumentoConvocatorioCodigo",
                self.tipo_instrumento_convocatorio_codigo,
            )
            .number()?,
            tipo_instrumento_nome: Field(
                "tipoInstrumentoConvocatorioNome",
                self.tipo_instrumento_convocatorio_nome,
            )
            .text()?,
            situacao_compra_id: Field("situacaoCompraId", self.situacao_compra_id).number()?,
            situacao_compra_nome: Field("situacaoCompraNome", self.situacao_compra_nome).text()?,
            amparo_legal_codigo: Field("amparoLegal.codigo", amparo.codigo).number()?,
            amparo_legal_nome: Field("amparoLegal.nome", amparo.nome).text()?,
            objeto_compra: Field("objetoCompra", self.objeto_compra).text()?,
            informacao_complementar: Field("informacaoComplementar", self.informacao_complementar)
                .text()?,
            srp: Field("srp", self.srp).flag()?,
            valor_total_estimado: Field("valorTotalEstimado", self.valor_total_estimado)
                .decimal()?,
            valor_total_homologado: Field("valorTotalHomologado", self.valor_total_homologado)
                .decimal()?,
            data_inclusao: Field("dataInclusao", self.data_inclusao).instant(zone)?,
            data_publicacao_pncp: self.published(zone)?,
            data_atualizacao: self.updated(zone)?,
            data_atualizacao_global: self.version(zone)?,
            data_abertura_proposta: Field("dataAberturaProposta", self.data_abertura_proposta)
                .instant(zone)?,
            data_encerramento_proposta: Field(
                "dataEncerramentoProposta",
                self.data_encerramento_proposta,
            )
            .instant(zone)?,
            link_sistema_origem: Field("linkSistemaOrigem", self.link_sistema_origem).text()?,
            link_processo_eletronico: Field(
                "linkProcessoEletronico",
                self.link_processo_eletronico,
            )
            .text()?,
            usuario_nome: Field("usuarioNome", self.usuario_nome).text()?,
            raw,
        })
    }
}

impl OrgaoWire<'_> {
    fn read(field: Field<'_>) -> Result<Orgao<'_>, Flaw> {
        let wire: OrgaoWire<'_> = part(field.0, field.1)?.ok_or(field.flaw("is missing"))?;
        Ok(Orgao {
            cnpj: Field("orgaoEntidade.cnpj", wire.cnpj).must(Field::key)?,
            razao_social: Field("orgaoEntidade.razaoSocial", wire.razao_social).text()?,
            poder_id: Field("orgaoEntidade.poderId", wire.poder_id).text()?,
            esfera_id: Field("orgaoEntidade.esferaId", wire.esfera_id).text()?,
        })
    }
}

impl UnidadeWire<'_> {
    fn read(field: Field<'_>) -> Result<Unidade<'_>, Flaw> {
        let wire: UnidadeWire<'_> = part(field.0, field.1)?.ok_or(field.flaw("is missing"))?;
        Ok(Unidade {
            codigo_unidade: Field("unidadeOrgao.codigoUnidade", wire.codigo_unidade)
                .must(Field::key)?,
            nome_unidade: Field("unidadeOrgao.nomeUnidade", wire.nome_unidade).text()?,
            codigo_ibge: Field("unidadeOrgao.codigoIbge", wire.codigo_ibge).text()?,
            municipio_nome: Field("unidadeOrgao.municipioNome", wire.municipio_nome).text()?,
            uf_sigla: Field("unidadeOrgao.ufSigla", wire.uf_sigla).text()?,
            uf_nome: Field("unidadeOrgao.ufNome", wire.uf_nome).text()?,
        })
    }
}

/// An object inside of the record.
fn part<'a, T: Deserialize<'a>>(name: &'static str, value: Value<'a>) -> Result<Option<T>, Flaw> {
    let part = value.map(|raw| serde_json::from_str(raw.get())).transpose();
    part.map_err(|_| Field(name, value).flaw("is not an object"))
}
