-- Why: Brazil's public procurements as the portal (PNCP) tells them: typed columns for what people filter
-- on, the whole record in raw. Columns keep the portal's Portuguese names, so that its manual explains them.
-- The portal's times carry no offset; they are read as Brasília time and kept as instants.
CREATE TABLE pncp_orgaos (
    -- Text: alphanumeric since 2026, and zeros lead.
    cnpj         text PRIMARY KEY,
    razao_social text,
    poder_id     text,
    esfera_id    text,
    -- The version of the record that these words are from; an older one does not overwrite them.
    versao       timestamptz NOT NULL
);

CREATE TABLE pncp_unidades (
    orgao_cnpj     text NOT NULL REFERENCES pncp_orgaos (cnpj),
    codigo_unidade text NOT NULL,
    nome_unidade   text,
    codigo_ibge    text,
    municipio_nome text,
    uf_sigla       text,
    uf_nome        text,
    versao         timestamptz NOT NULL,
    -- Codes are the organ's own: two organs have the same ones.
    PRIMARY KEY (orgao_cnpj, codigo_unidade)
);

CREATE TABLE pncp_contratacoes (
    numero_controle_pncp       text PRIMARY KEY,
    orgao_cnpj                 text NOT NULL REFERENCES pncp_orgaos (cnpj),
    codigo_unidade             text NOT NULL,
    ano_compra                 integer NOT NULL,
    sequencial_compra          integer NOT NULL,
    numero_compra              text,
    processo                   text,
    modalidade_id              smallint NOT NULL,
    modalidade_nome            text,
    modo_disputa_id            smallint,
    modo_disputa_nome          text,
    tipo_instrumento_codigo    smallint,
    tipo_instrumento_nome      text,
    situacao_compra_id         smallint,
    situacao_compra_nome       text,
    amparo_legal_codigo        integer,
    amparo_legal_nome          text,
    objeto_compra              text,
    informacao_complementar    text,
    srp                        boolean,
    valor_total_estimado       numeric,
    valor_total_homologado     numeric,
    data_inclusao              timestamptz,
    data_publicacao_pncp       timestamptz NOT NULL,
    data_atualizacao           timestamptz,
    -- The version: dataAtualizacaoGlobal, or dataAtualizacao where a payload of 2023 has no Global.
    data_atualizacao_global    timestamptz NOT NULL,
    data_abertura_proposta     timestamptz,
    data_encerramento_proposta timestamptz,
    link_sistema_origem        text,
    link_processo_eletronico   text,
    usuario_nome               text,
    raw                        jsonb NOT NULL,
    first_seen_at              timestamptz NOT NULL DEFAULT now(),
    updated_at                 timestamptz NOT NULL DEFAULT now(),
    -- The run that wrote this version: it owes the items.
    execution_id               integer,
    -- The version whose items are in pncp_itens; they are due while it is not the present one.
    itens_versao               timestamptz,
    FOREIGN KEY (orgao_cnpj, codigo_unidade) REFERENCES pncp_unidades (orgao_cnpj, codigo_unidade)
);
CREATE INDEX pncp_contratacoes_publicacao ON pncp_contratacoes (modalidade_id, data_publicacao_pncp);
CREATE INDEX pncp_contratacoes_atualizacao ON pncp_contratacoes (modalidade_id, data_atualizacao_global);
CREATE INDEX pncp_contratacoes_unidade ON pncp_contratacoes (orgao_cnpj, codigo_unidade);
CREATE INDEX pncp_contratacoes_itens_due ON pncp_contratacoes (execution_id, numero_controle_pncp)
    WHERE itens_versao IS DISTINCT FROM data_atualizacao_global;

CREATE TABLE pncp_itens (
    numero_controle_pncp    text NOT NULL REFERENCES pncp_contratacoes (numero_controle_pncp) ON DELETE CASCADE,
    numero_item             integer NOT NULL,
    descricao               text,
    material_ou_servico     text,
    quantidade              numeric,
    unidade_medida          text,
    valor_unitario_estimado numeric,
    valor_total             numeric,
    situacao_compra_item    smallint,
    tipo_beneficio          smallint,
    criterio_julgamento_id  smallint,
    data_inclusao           timestamptz,
    data_atualizacao        timestamptz,
    raw                     jsonb NOT NULL,
    PRIMARY KEY (numero_controle_pncp, numero_item)
);

REVOKE ALL ON pncp_orgaos, pncp_unidades, pncp_contratacoes, pncp_itens FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON pncp_orgaos, pncp_unidades, pncp_contratacoes, pncp_itens TO farol_ingest;
GRANT SELECT ON pncp_orgaos, pncp_unidades, pncp_contratacoes, pncp_itens TO farol_admin;
