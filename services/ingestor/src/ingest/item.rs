//! One item of a contratacao, read into the columns of `pncp_itens`. Which contratacao it belongs to is told by the
//! address that was asked, not by the item.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    field::{Decimal, Field, Flaw},
    storable,
};

/// An item that can be kept.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each field is the column of its name")]
pub struct Item<'a> {
    pub numero_item: i32,
    pub descricao: Option<Cow<'a, str>>,
    pub material_ou_servico: Option<Cow<'a, str>>,
    pub quantidade: Option<Decimal<'a>>,
    pub unidade_medida: Option<Cow<'a, str>>,
    pub valor_unitario_estimado: Option<Decimal<'a>>,
    pub valor_total: Option<Decimal<'a>>,
    pub situacao_compra_item: Option<i16>,
    pub tipo_beneficio: Option<i16>,
    pub criterio_julgamento_id: Option<i16>,
    pub data_inclusao: Option<DateTime<Utc>>,
    pub data_atualizacao: Option<DateTime<Utc>>,
    /// The whole item as the portal wrote it; Postgres takes it as `jsonb`.
    pub raw: Cow<'a, str>,
}

/// An item that cannot be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct UnreadableItem<'a> {
    /// Its `numeroItem`, where it has one.
    pub numero_item: Option<i32>,
    /// The field and what is wrong with it.
    pub reason: String,
    /// The item for `jsonb`: as it came, or as one JSON text where Postgres would not take it.
    pub raw: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow)]
    numero_item: Option<&'a RawValue>,
    descricao: Option<&'a RawValue>,
    material_ou_servico: Option<&'a RawValue>,
    quantidade: Option<&'a RawValue>,
    unidade_medida: Option<&'a RawValue>,
    valor_unitario_estimado: Option<&'a RawValue>,
    valor_total: Option<&'a RawValue>,
    situacao_compra_item: Option<&'a RawValue>,
    tipo_beneficio: Option<&'a RawValue>,
    criterio_julgamento_id: Option<&'a RawValue>,
    data_inclusao: Option<&'a RawValue>,
    data_atualizacao: Option<&'a RawValue>,
}

impl<'a> Item<'a> {
    /// Reads one item of a list. Times without an offset are `zone`'s.
    ///
    /// # Errors
    /// [`UnreadableItem`] where it has no number, or a column holds what its type cannot.
    pub fn read(raw: &'a RawValue, zone: Tz) -> Result<Self, UnreadableItem<'a>> {
        let unreadable = |numero_item, reason: String| UnreadableItem {
            numero_item,
            reason,
            raw: storable::always(raw.get()),
        };
        let wire: Wire<'a> = serde_json::from_str(raw.get())
            .map_err(|error| unreadable(None, format!("not an item: {error}")))?;
        let text = storable::as_jsonb(raw.get());
        let text = text.map_err(|reason| unreadable(None, reason.to_owned()))?;
        let item = wire.item(text, zone);
        item.map_err(|flaw| unreadable(wire.number().ok(), flaw.to_string()))
    }
}

impl<'a> Wire<'a> {
    fn item(&self, raw: Cow<'a, str>, zone: Tz) -> Result<Item<'a>, Flaw> {
        Ok(Item {
            numero_item: self.number()?,
            descricao: Field("descricao", self.descricao).text()?,
            material_ou_servico: Field("materialOuServico", self.material_ou_servico).text()?,
            quantidade: Field("quantidade", self.quantidade).decimal()?,
            unidade_medida: Field("unidadeMedida", self.unidade_medida).text()?,
            valor_unitario_estimado: Field("valorUnitarioEstimado", self.valor_unitario_estimado)
                .decimal()?,
            valor_total: Field("valorTotal", self.valor_total).decimal()?,
            situacao_compra_item: Field("situacaoCompraItem", self.situacao_compra_item)
                .number()?,
            tipo_beneficio: Field("tipoBeneficio", self.tipo_beneficio).number()?,
            criterio_julgamento_id: Field("criterioJulgamentoId", self.criterio_julgamento_id)
                .number()?,
            data_inclusao: Field("dataInclusao", self.data_inclusao).instant(zone)?,
            data_atualizacao: Field("dataAtualizacao", self.data_atualizacao).instant(zone)?,
            raw,
        })
    }

    fn number(&self) -> Result<i32, Flaw> {
        Field("numeroItem", self.numero_item).must(Field::number)
    }
}
