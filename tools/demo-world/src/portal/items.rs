//! The items of a procurement as the detail service writes them: a flat list, paged, ten per page
//! unless asked otherwise, and an empty list beyond its end.

use super::cast::GOODS;
use super::dice::Dice;
use super::record::Record;
use super::render::{Fields, money};

/// One page of the list, `page` from 1.
pub(crate) fn page(record: &Record, count: u32, page: u32, size: u32) -> String {
    let first = (page - 1).saturating_mul(size);
    let shown = (first..count).take(usize::try_from(size).unwrap_or(usize::MAX));
    let items: Vec<String> = shown.map(|place| item(record, place + 1)).collect();
    format!("[{}]", items.join(","))
}

fn item(record: &Record, number: u32) -> String {
    let mut dice = Dice::new(record.seed() ^ u64::from(number) << 48);
    let (quantity, price) = (
        1 + dice.below(5_000),
        1 + dice.below(900_000) + u64::from(record.version),
    );
    let (goods, settled) = (dice.one(&GOODS), record.version > 0);
    let mut fields = Fields::new(&[]);
    fields.raw("numeroItem", number);
    fields.text("descricao", &format!("Item {number}: {goods}"));
    fields.text("materialOuServico", "M");
    fields.text("materialOuServicoNome", "Material");
    fields.raw("valorUnitarioEstimado", money(price));
    fields.raw("valorTotal", money(price * quantity));
    fields.raw("quantidade", format_args!("{quantity}.0"));
    fields.text("unidadeMedida", dice.one(&["UNIDADE", "CAIXA ", "RESMA"]));
    fields.raw("orcamentoSigiloso", false);
    fields.raw("itemCategoriaId", 3);
    fields.raw("criterioJulgamentoId", 1);
    fields.text("criterioJulgamentoNome", "Menor preço");
    fields.raw("situacaoCompraItem", if settled { 2 } else { 1 });
    fields.text(
        "situacaoCompraItemNome",
        if settled {
            "Homologado"
        } else {
            "Em Andamento"
        },
    );
    fields.raw("tipoBeneficio", 4);
    fields.text("tipoBeneficioNome", "Sem benefício");
    let (published, updated) = (record.published, record.updated);
    fields.raw("dataInclusao", published.format("\"%Y-%m-%dT%H:%M:%S\""));
    fields.raw("dataAtualizacao", updated.format("\"%Y-%m-%dT%H:%M:%S\""));
    fields.raw("temResultado", settled);
    fields.raw("ncmNbsCodigo", "null");
    fields.raw(
        "informacaoComplementar",
        if dice.chance(50) { "null" } else { "\"\"" },
    );
    fields.finish()
}
