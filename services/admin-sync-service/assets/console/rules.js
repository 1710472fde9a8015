// What the API says of fields and requests, in the reader's language. It says it in English, always in the same words: what is
// not listed here is shown as it came.

import { learn, tOr } from "./words.js";

learn({
  en: {
    "rule.is not an ISO 8601 date or date-time": "is not a date",
    "rule.must be an ISO 8601 date or date-time": "must be a date", "rule.must be before its end": "must be before the end",
    "rule.must not be in the future": "must not be in the future",
    "rule.must not be longer than 365 days": "must not be longer than 365 days",
    "rule.must be before to": "must be before the other date",
    "rule.must be at most 200 characters, none of them NUL": "must be at most 200 characters",
    "code.database_unavailable": "The database cannot be asked right now. Try again in a few seconds.",
    "code.execution_not_found": "There is no such run.",
    "code.idempotency_key_reused": "This form was used for another request already. Close it and open it again.",
    "code.request_in_flight": "The same request is being answered already.",
    "code.internal_error": "The service failed. Its log says why.",
  },
  pt: {
    "rule.is not an ISO 8601 date or date-time": "não é uma data",
    "rule.must be an ISO 8601 date or date-time": "precisa ser uma data",
    "rule.must be before its end": "precisa ser antes do fim", "rule.must not be in the future": "não pode estar no futuro",
    "rule.must not be longer than 365 days": "não pode passar de 365 dias",
    "rule.must be before to": "precisa ser antes da outra data",
    "rule.must be at most 200 characters, none of them NUL": "pode ter no máximo 200 caracteres",
    "code.database_unavailable": "O banco de dados não responde agora. Tente de novo em alguns segundos.",
    "code.execution_not_found": "Esta execução não existe.",
    "code.idempotency_key_reused": "Este formulário já foi usado para outro pedido. Feche-o e abra de novo.",
    "code.request_in_flight": "O mesmo pedido já está sendo respondido.",
    "code.internal_error": "O serviço falhou. O log diz por quê.",
  },
});

/** What is wrong with a field. */
export const rule = (detail) => tOr(`rule.${detail}`, detail);

/** What is wrong with a request, by the code of its problem. */
export const problem = (error) => tOr(`code.${error.code}`, error.message);
