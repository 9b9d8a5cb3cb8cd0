-- What an agent last said of its workstation: how the machine, its readers and what stands around them are. Nothing of a card.
-- depends: 0035_pre_leaf_keys_valid

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

CREATE TABLE agent_report (
    tenant_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('recommended', 'minimum', 'unsupported', 'unknown')),
    findings jsonb NOT NULL,
    reported_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, agent_id),
    FOREIGN KEY (tenant_id, agent_id) REFERENCES agent (tenant_id, id)
);
ALTER TABLE agent_report ENABLE ROW LEVEL SECURITY;
ALTER TABLE agent_report FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON agent_report TO desmos_app USING (tenant_id = (SELECT current_setting('app.tenant')::uuid))
    WITH CHECK (tenant_id = (SELECT current_setting('app.tenant')::uuid));
ALTER TABLE agent_report ALTER COLUMN tenant_id SET STATISTICS 0;
GRANT SELECT, INSERT, UPDATE (verdict, findings, reported_at) ON agent_report TO desmos_app;

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DROP TABLE agent_report;
