//! The synthetic organs and words of the portal. No name, number or text is anybody's: the check
//! digits of every CNPJ are wrong on purpose, so none of them can belong to somebody.

use super::dice::Dice;

/// Different organs in the portal.
const ORGANS: u64 = 400;

const TOWNS: [&str; 12] = [
    "Vila do Farol",
    "Porto Sereno",
    "Campo das Araras",
    "Nova Enseada",
    "Serra Clara",
    "Ilha Mansa",
    "Lagoa dos Juncos",
    "Monte Ventoso",
    "Barra Dourada",
    "Pedra Lisa",
    "Rio Calmo",
    "Vale da Brisa",
];
const STATES: [(&str, &str); 6] = [
    ("SP", "São Paulo"),
    ("BA", "Bahia"),
    ("PR", "Paraná"),
    ("CE", "Ceará"),
    ("GO", "Goiás"),
    ("PA", "Pará"),
];
pub(crate) const GOODS: [&str; 10] = [
    "papel sulfite",
    "cadeiras escolares",
    "lâmpadas de LED",
    "pneus para a frota",
    "medicamentos básicos",
    "gêneros alimentícios",
    "computadores portáteis",
    "uniformes",
    "mudas de árvores",
    "tinta para demarcação",
];
pub(crate) const PURPOSES: [&str; 6] = [
    "a secretaria de obras",
    "as escolas da rede",
    "o posto de saúde",
    "a biblioteca",
    "o almoxarifado central",
    "a guarda de trânsito \"azul\"",
];

/// A public body and its buying unit.
#[derive(Debug)]
pub(crate) struct Organ {
    pub(crate) cnpj: String,
    pub(crate) razao_social: String,
    pub(crate) town: &'static str,
    pub(crate) uf: (&'static str, &'static str),
    pub(crate) ibge: u64,
    pub(crate) unit: u64,
}

/// The organ of that number; there are 400, and numbers beyond start over.
pub(crate) fn organ(number: u64) -> Organ {
    let number = number % ORGANS;
    let mut dice = Dice::new(number);
    let town = dice.one(&TOWNS);
    let state = usize::try_from(dice.below(6)).unwrap_or_default();
    let kind = dice.one(&[
        "MUNICÍPIO DE",
        "CÂMARA DE",
        "FUNDO DE SAÚDE DE",
        "INSTITUTO DE",
    ]);
    Organ {
        cnpj: cnpj(number),
        razao_social: format!("{kind} {} {number}", town.to_uppercase()),
        town,
        uf: STATES[state],
        ibge: 9_000_000 + number,
        // Codes are an organ's own: different organs have the same ones.
        unit: 1 + dice.below(9),
    }
}

/// Twelve characters (every seventh organ's with letters, as since 2026) and two wrong digits.
fn cnpj(number: u64) -> String {
    let base = if number % 7 == 3 {
        format!("{number:04}FAR00{}{}{}", 'A', number % 10, 'Z')
    } else {
        format!("{:08}0001", 10_000_000 + number * 7_919)
    };
    let (first, second) = check_digits(&base);
    format!("{base}{}{}", (first + 1) % 10, (second + 1) % 10)
}

/// The digits that would be right: module 11 over character code minus 48 (letters too), weights
/// 2 to 9 from the right.
fn check_digits(base: &str) -> (u32, u32) {
    let digit = |values: &[u32]| {
        let weighted = values.iter().rev().zip((2..=9).cycle());
        let rest = weighted.map(|(value, weight)| value * weight).sum::<u32>() % 11;
        if rest < 2 { 0 } else { 11 - rest }
    };
    let mut values: Vec<u32> = base.bytes().map(|byte| u32::from(byte) - 48).collect();
    let first = digit(&values);
    values.push(first);
    (first, digit(&values))
}

/// The modalidades in use and what they are called.
pub(crate) fn modalidade_name(id: i16) -> &'static str {
    match id {
        1 => "Leilão - Eletrônico",
        2 => "Diálogo Competitivo",
        3 => "Concurso",
        4 => "Concorrência - Eletrônica",
        5 => "Concorrência - Presencial",
        6 => "Pregão - Eletrônico",
        7 => "Pregão - Presencial",
        8 => "Dispensa",
        9 => "Inexigibilidade",
        10 => "Manifestação de Interesse",
        11 => "Pré-qualificação",
        12 => "Credenciamento",
        13 => "Leilão - Presencial",
        14 => "Inaplicabilidade da Licitação",
        15 => "Chamada pública",
        _ => "Outra",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_that_would_be_right_are_known() {
        // The example of the alphanumeric CNPJ's specification.
        assert_eq!(check_digits("12ABC34501DE"), (3, 5));
    }

    #[test]
    fn no_organ_has_a_valid_cnpj_and_some_have_letters() {
        let all: Vec<_> = (0..ORGANS).map(|number| organ(number).cnpj).collect();
        for cnpj in &all {
            assert_eq!(cnpj.len(), 14, "{cnpj}");
            let (first, second) = check_digits(&cnpj[..12]);
            assert_ne!(cnpj[12..], format!("{first}{second}"));
        }
        let lettered = all.iter().filter(|cnpj| cnpj.contains('F')).count();
        assert!((40..80).contains(&lettered), "{lettered}");
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
