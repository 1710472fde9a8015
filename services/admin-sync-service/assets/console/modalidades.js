// The modalidades of the portal by number, as PNCP itself names them (its domain table "Modalidade de Contratação"). Names are
// not translated: operators compare them with the portal's pages.

const NAMES = {
  1: "Leilão - Eletrônico",
  2: "Diálogo Competitivo",
  3: "Concurso",
  4: "Concorrência - Eletrônica",
  5: "Concorrência - Presencial",
  6: "Pregão - Eletrônico",
  7: "Pregão - Presencial",
  8: "Dispensa",
  9: "Inexigibilidade",
  10: "Manifestação de Interesse",
  11: "Pré-qualificação",
  12: "Credenciamento",
  13: "Leilão - Presencial",
  14: "Inaplicabilidade da Licitação",
  15: "Chamada pública",
};

/** `6 Pregão - Eletrônico`; the number alone where the portal has learned a new one. */
export function modalidade(number) {
  return NAMES[number] ? `${number} ${NAMES[number]}` : String(number);
}
