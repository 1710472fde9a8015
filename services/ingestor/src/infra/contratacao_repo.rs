//! Contratacoes, their organs and units as columns: sets of them, upserted where they are newer. Which transaction
//! that belongs to is the caller's business.

use std::collections::{BTreeMap, HashMap};

use sqlx::PgConnection;

use super::postgres_repo::RepoError;
use crate::ingest::record::{Decimal, Record};

/// Writes what is newer than what is stored: for each key that was written, whether it is new. `records` have
/// distinct keys, in their order.
pub(super) async fn upsert(
    tx: &mut PgConnection,
    execution_id: i32,
    records: &[&Record<'_>],
) -> Result<HashMap<String, bool>, RepoError> {
    if records.is_empty() {
        return Ok(HashMap::new());
    }
    upsert_orgaos(tx, records).await?;
    upsert_unidades(tx, records).await?;
    upsert_contratacoes(tx, execution_id, records).await
}

/// By `key`, the record of the newest version, in the order of the keys.
fn newest_by<'a, K: Ord>(
    records: &[&'a Record<'a>],
    key: impl Fn(&'a Record<'a>) -> K,
) -> Vec<&'a Record<'a>> {
    let mut newest = BTreeMap::new();
    for &record in records {
        let known = newest.entry(key(record)).or_insert(record);
        if known.data_atualizacao_global < record.data_atualizacao_global {
            *known = record;
        }
    }
    newest.into_values().collect()
}

/// One column of many records.
fn column<'a, T>(records: &[&'a Record<'a>], read: impl Fn(&'a Record<'a>) -> T) -> Vec<T> {
    records.iter().map(|record| read(record)).collect()
}

async fn upsert_orgaos<'a>(
    tx: &mut PgConnection,
    records: &[&'a Record<'a>],
) -> Result<(), RepoError> {
    let newest = newest_by(records, |record| &*record.orgao.cnpj);
    sqlx::query(
        "INSERT INTO pncp_orgaos AS o (cnpj, razao_social, poder_id, esfera_id, versao)
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
         ON CONFLICT (cnpj) DO UPDATE SET
            razao_social = excluded.razao_social, poder_id = excluded.poder_id,
            esfera_id = excluded.esfera_id, versao = excluded.versao
         WHERE o.versao < excluded.versao",
    )
    .bind(column(&newest, |record| &*record.orgao.cnpj))
    .bind(column(&newest, |record| {
        record.orgao.razao_social.as_deref()
    }))
    .bind(column(&newest, |record| record.orgao.poder_id.as_deref()))
    .bind(column(&newest, |record| record.orgao.esfera_id.as_deref()))
    .bind(column(&newest, |record| record.data_atualizacao_global))
    .execute(tx)
    .await?;
    Ok(())
}

async fn upsert_unidades<'a>(
    tx: &mut PgConnection,
    records: &[&'a Record<'a>],
) -> Result<(), RepoError> {
    let key = |record: &'a Record<'a>| (&*record.orgao.cnpj, &*record.unidade.codigo_unidade);
    let newest = newest_by(records, key);
    sqlx::query(
        "INSERT INTO pncp_unidades AS u (orgao_cnpj, codigo_unidade, nome_unidade, codigo_ibge,
                                         municipio_nome, uf_sigla, uf_nome, versao)
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[],
                              $5::text[], $6::text[], $7::text[], $8::timestamptz[])
         ON CONFLICT (orgao_cnpj, codigo_unidade) DO UPDATE SET
            nome_unidade = excluded.nome_unidade, codigo_ibge = excluded.codigo_ibge,
            municipio_nome = excluded.municipio_nome, uf_sigla = excluded.uf_sigla,
            uf_nome = excluded.uf_nome, versao = excluded.versao
         WHERE u.versao < excluded.versao",
    )
    .bind(column(&newest, |record| &*record.orgao.cnpj))
    .bind(column(&newest, |record| &*record.unidade.codigo_unidade))
    .bind(column(&newest, |record| {
        record.unidade.nome_unidade.as_deref()
    }))
    .bind(column(&newest, |record| {
        record.unidade.codigo_ibge.as_deref()
    }))
    .bind(column(&newest, |record| {
        record.unidade.municipio_nome.as_deref()
    }))
    .bind(column(&newest, |record| record.unidade.uf_sigla.as_deref()))
    .bind(column(&newest, |record| record.unidade.uf_nome.as_deref()))
    .bind(column(&newest, |record| record.data_atualizacao_global))
    .execute(tx)
    .await?;
    Ok(())
}

/// Decimals and JSON travel as text: their digits and their spelling are the portal's.
const UPSERT: &str = "
    INSERT INTO pncp_contratacoes AS c (
        execution_id, numero_controle_pncp, orgao_cnpj, codigo_unidade, ano_compra, sequencial_compra, numero_compra,
        processo, modalidade_id, modalidade_nome, modo_disputa_id, modo_disputa_nome, tipo_instrumento_codigo,
        tipo_instrumento_nome, situacao_compra_id, situacao_compra_nome, amparo_legal_codigo, amparo_legal_nome,
        objeto_compra, informacao_complementar, srp, valor_total_estimado, valor_total_homologado, data_inclusao,
        data_publicacao_pncp, data_atualizacao, data_atualizacao_global, data_abertura_proposta,
        data_encerramento_proposta, link_sistema_origem, link_processo_eletronico, usuario_nome, raw)
    SELECT $1, * FROM unnest(
        $2::text[], $3::text[], $4::text[], $5::int[], $6::int[], $7::text[], $8::text[], $9::smallint[], $10::text[],
        $11::smallint[], $12::text[], $13::smallint[], $14::text[], $15::smallint[], $16::text[], $17::int[],
        $18::text[], $19::text[], $20::text[], $21::boolean[], $22::text[]::numeric[], $23::text[]::numeric[],
        $24::timestamptz[], $25::timestamptz[], $26::timestamptz[], $27::timestamptz[], $28::timestamptz[],
        $29::timestamptz[], $30::text[], $31::text[], $32::text[], $33::text[]::jsonb[])
    ON CONFLICT (numero_controle_pncp) DO UPDATE SET
        execution_id = excluded.execution_id, orgao_cnpj = excluded.orgao_cnpj,
        codigo_unidade = excluded.codigo_unidade, ano_compra = excluded.ano_compra,
        sequencial_compra = excluded.sequencial_compra, numero_compra = excluded.numero_compra,
        processo = excluded.processo, modalidade_id = excluded.modalidade_id,
        modalidade_nome = excluded.modalidade_nome, modo_disputa_id = excluded.modo_disputa_id,
        modo_disputa_nome = excluded.modo_disputa_nome, tipo_instrumento_codigo = excluded.tipo_instrumento_codigo,
        tipo_instrumento_nome = excluded.tipo_instrumento_nome, situacao_compra_id = excluded.situacao_compra_id,
        situacao_compra_nome = excluded.situacao_compra_nome, amparo_legal_codigo = excluded.amparo_legal_codigo,
        amparo_legal_nome = excluded.amparo_legal_nome, objeto_compra = excluded.objeto_compra,
        informacao_complementar = excluded.informacao_complementar, srp = excluded.srp,
        valor_total_estimado = excluded.valor_total_estimado,
        valor_total_homologado = excluded.valor_total_homologado, data_inclusao = excluded.data_inclusao,
        data_publicacao_pncp = excluded.data_publicacao_pncp, data_atualizacao = excluded.data_atualizacao,
        data_atualizacao_global = excluded.data_atualizacao_global,
        data_abertura_proposta = excluded.data_abertura_proposta,
        data_encerramento_proposta = excluded.data_encerramento_proposta,
        link_sistema_origem = excluded.link_sistema_origem,
        link_processo_eletronico = excluded.link_processo_eletronico, usuario_nome = excluded.usuario_nome,
        raw = excluded.raw, updated_at = now()
    WHERE c.data_atualizacao_global < excluded.data_atualizacao_global
    RETURNING numero_controle_pncp, xmax = 0";

async fn upsert_contratacoes<'a>(
    tx: &mut PgConnection,
    execution_id: i32,
    records: &[&'a Record<'a>],
) -> Result<HashMap<String, bool>, RepoError> {
    // A row that is only inserted has no deleting transaction yet: xmax is 0.
    let written: Vec<(String, bool)> = sqlx::query_as(UPSERT)
        .bind(execution_id)
        .bind(column(records, |it| &*it.numero_controle_pncp))
        .bind(column(records, |it| &*it.orgao.cnpj))
        .bind(column(records, |it| &*it.unidade.codigo_unidade))
        .bind(column(records, |it| it.ano_compra))
        .bind(column(records, |it| it.sequencial_compra))
        .bind(column(records, |it| it.numero_compra.as_deref()))
        .bind(column(records, |it| it.processo.as_deref()))
        .bind(column(records, |it| it.modalidade_id))
        .bind(column(records, |it| it.modalidade_nome.as_deref()))
        .bind(column(records, |it| it.modo_disputa_id))
        .bind(column(records, |it| it.modo_disputa_nome.as_deref()))
        .bind(column(records, |it| it.tipo_instrumento_codigo))
        .bind(column(records, |it| it.tipo_instrumento_nome.as_deref()))
        .bind(column(records, |it| it.situacao_compra_id))
        .bind(column(records, |it| it.situacao_compra_nome.as_deref()))
        .bind(column(records, |it| it.amparo_legal_codigo))
        .bind(column(records, |it| it.amparo_legal_nome.as_deref()))
        .bind(column(records, |it| it.objeto_compra.as_deref()))
        .bind(column(records, |it| it.informacao_complementar.as_deref()))
        .bind(column(records, |it| it.srp))
        .bind(column(records, |it| {
            it.valor_total_estimado.as_ref().map(Decimal::as_str)
        }))
        .bind(column(records, |it| {
            it.valor_total_homologado.as_ref().map(Decimal::as_str)
        }))
        .bind(column(records, |it| it.data_inclusao))
        .bind(column(records, |it| it.data_publicacao_pncp))
        .bind(column(records, |it| it.data_atualizacao))
        .bind(column(records, |it| it.data_atualizacao_global))
        .bind(column(records, |it| it.data_abertura_proposta))
        .bind(column(records, |it| it.data_encerramento_proposta))
        .bind(column(records, |it| it.link_sistema_origem.as_deref()))
        .bind(column(records, |it| it.link_processo_eletronico.as_deref()))
        .bind(column(records, |it| it.usuario_nome.as_deref()))
        .bind(column(records, |it| &*it.raw))
        .fetch_all(tx)
        .await?;
    Ok(written.into_iter().collect())
}
