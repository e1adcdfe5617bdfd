CREATE TABLE "api_keys" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"kind" text NOT NULL,
	"user_id" text,
	"workspace_id" text,
	"name" text NOT NULL,
	"hint" text NOT NULL,
	"key_mac" text NOT NULL,
	"permissions" text[],
	"expires_at" timestamp with time zone,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_used_at" timestamp with time zone,
	"exposed_at" timestamp with time zone,
	CONSTRAINT "api_keys_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "contracts" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"name" text NOT NULL,
	"status" text DEFAULT 'active' NOT NULL,
	"redirect_code" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "contracts_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "contracts_redirect_code_unique" UNIQUE("redirect_code")
);
--> statement-breakpoint
CREATE TABLE "memberships" (
	"tenant_id" text NOT NULL,
	"scope_kind" text NOT NULL,
	"scope_id" text NOT NULL,
	"user_id" text NOT NULL,
	"role" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "memberships_tenant_id_scope_kind_scope_id_user_id_pk" PRIMARY KEY("tenant_id","scope_kind","scope_id","user_id")
);
--> statement-breakpoint
CREATE TABLE "one_time_codes" (
	"tenant_id" text NOT NULL,
	"code_mac" text NOT NULL,
	"kind" text NOT NULL,
	"user_id" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "one_time_codes_tenant_id_code_mac_pk" PRIMARY KEY("tenant_id","code_mac")
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"token_mac" text NOT NULL,
	"user_id" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"authenticated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"user_agent" text,
	"ip" text,
	CONSTRAINT "sessions_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "sign_in_failures" (
	"tenant_id" text NOT NULL,
	"key_mac" text NOT NULL,
	"failures" integer DEFAULT 0 NOT NULL,
	"last_at" timestamp with time zone DEFAULT now() NOT NULL,
	"blocked_until" timestamp with time zone,
	CONSTRAINT "sign_in_failures_tenant_id_key_mac_pk" PRIMARY KEY("tenant_id","key_mac")
);
--> statement-breakpoint
CREATE TABLE "tenants" (
	"tenant_id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"redirect_code" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "tenants_redirect_code_unique" UNIQUE("redirect_code")
);
--> statement-breakpoint
CREATE TABLE "users" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"email" text NOT NULL,
	"email_key" text NOT NULL,
	"first_name" text DEFAULT '' NOT NULL,
	"last_name" text DEFAULT '' NOT NULL,
	"password_hash" text,
	"registered_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_login_at" timestamp with time zone,
	CONSTRAINT "users_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "workspaces" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"contract_id" text NOT NULL,
	"name" text NOT NULL,
	"type" text DEFAULT 'full' NOT NULL,
	"redirect_code" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "workspaces_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "workspaces_redirect_code_unique" UNIQUE("redirect_code")
);
--> statement-breakpoint
CREATE TABLE "audit_entries" (
	"tenant_id" text NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "audit_entries_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"actor_kind" text NOT NULL,
	"actor_id" text,
	"actor_name" text,
	"via" text NOT NULL,
	"credential_id" text,
	"action" text NOT NULL,
	"outcome" text NOT NULL,
	"workspace_id" text,
	"target_type" text,
	"target_id" text,
	"target_name" text,
	"generation" integer,
	"host" text,
	"request_id" text,
	"purpose" text,
	"ip" text,
	"user_agent" text,
	"detail" jsonb,
	CONSTRAINT "audit_entries_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "auth_client_components" (
	"tenant_id" text NOT NULL,
	"auth_client_id" text NOT NULL,
	"component_id" text NOT NULL,
	CONSTRAINT "auth_client_components_tenant_id_auth_client_id_component_id_pk" PRIMARY KEY("tenant_id","auth_client_id","component_id")
);
--> statement-breakpoint
CREATE TABLE "auth_client_state" (
	"tenant_id" text NOT NULL,
	"auth_client_id" text NOT NULL,
	"problem" jsonb,
	"problem_version" integer,
	"next_probe_at" timestamp with time zone,
	"last_ok_at" timestamp with time zone,
	"auth_method" text,
	"learned" boolean DEFAULT false NOT NULL,
	CONSTRAINT "auth_client_state_tenant_id_auth_client_id_pk" PRIMARY KEY("tenant_id","auth_client_id")
);
--> statement-breakpoint
CREATE TABLE "auth_clients" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"scope_kind" text NOT NULL,
	"contract_id" text,
	"workspace_id" text,
	"type" text NOT NULL,
	"name" text NOT NULL,
	"options" jsonb NOT NULL,
	"sealed" "bytea" NOT NULL,
	"generation" integer DEFAULT 1 NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"secret_name" text,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "auth_clients_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "components" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"contract_id" text NOT NULL,
	"name" text NOT NULL,
	"access" text DEFAULT 'team' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "components_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "redirect_names" (
	"tenant_id" text NOT NULL,
	"owner_id" text NOT NULL,
	"slug" text NOT NULL,
	"context_kind" text NOT NULL,
	"context_id" text NOT NULL,
	CONSTRAINT "redirect_names_tenant_id_owner_id_slug_pk" PRIMARY KEY("tenant_id","owner_id","slug")
);
--> statement-breakpoint
CREATE TABLE "instance_values" (
	"tenant_id" text NOT NULL,
	"name" text NOT NULL,
	"sealed" "bytea" NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "instance_values_tenant_id_name_pk" PRIMARY KEY("tenant_id","name")
);
--> statement-breakpoint
CREATE TABLE "tenant_keys" (
	"tenant_id" text NOT NULL,
	"version" integer NOT NULL,
	"kek_id" text NOT NULL,
	"wrapped" "bytea" NOT NULL,
	"wraps" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "tenant_keys_tenant_id_version_pk" PRIMARY KEY("tenant_id","version")
);
--> statement-breakpoint
CREATE TABLE "oauth_attempts" (
	"tenant_id" text NOT NULL,
	"state_mac" text NOT NULL,
	"secret_id" text NOT NULL,
	"workspace_id" text NOT NULL,
	"user_id" text NOT NULL,
	"session_id" text NOT NULL,
	"browser_mac" text NOT NULL,
	"auth_client_tenant_id" text NOT NULL,
	"auth_client_id" text NOT NULL,
	"auth_client_version" integer NOT NULL,
	"secret_name" text NOT NULL,
	"redirect_uri" text NOT NULL,
	"issuer" text,
	"sealed" "bytea",
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"consumed_at" timestamp with time zone,
	"failure" jsonb,
	CONSTRAINT "oauth_attempts_tenant_id_state_mac_pk" PRIMARY KEY("tenant_id","state_mac")
);
--> statement-breakpoint
CREATE TABLE "secret_events" (
	"tenant_id" text NOT NULL,
	"secret_id" text NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "secret_events_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"event" text NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"actor" text,
	"generation" integer,
	"duration_ms" integer,
	"code" text,
	"detail" text,
	"next_attempt_at" timestamp with time zone,
	CONSTRAINT "secret_events_tenant_id_secret_id_id_pk" PRIMARY KEY("tenant_id","secret_id","id")
);
--> statement-breakpoint
CREATE TABLE "secrets" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"workspace_id" text NOT NULL,
	"type" text NOT NULL,
	"name" text NOT NULL,
	"name_key" text NOT NULL,
	"secret_name" text NOT NULL,
	"auth_client_tenant_id" text,
	"auth_client_id" text,
	"user_id" text,
	"declared_state" text,
	"declared_error" text,
	"scope" text,
	"sealed" "bytea" NOT NULL,
	"generation" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "secrets_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "token_ledger" (
	"tenant_id" text NOT NULL,
	"secret_id" text NOT NULL,
	"grant_id" text NOT NULL,
	"token_mac" text NOT NULL,
	"generation" integer NOT NULL,
	"sealed" "bytea" NOT NULL,
	"issued_at" timestamp with time zone NOT NULL,
	"received_at" timestamp with time zone NOT NULL,
	"attempt" text NOT NULL,
	"standing" text NOT NULL,
	CONSTRAINT "token_ledger_tenant_id_secret_id_grant_id_token_mac_pk" PRIMARY KEY("tenant_id","secret_id","grant_id","token_mac")
);
--> statement-breakpoint
CREATE TABLE "token_state" (
	"tenant_id" text NOT NULL,
	"secret_id" text NOT NULL,
	"workspace_id" text NOT NULL,
	"auth_client_tenant_id" text NOT NULL,
	"auth_client_id" text NOT NULL,
	"status" text DEFAULT 'unauthorized' NOT NULL,
	"grant_id" text,
	"generation" integer DEFAULT 0 NOT NULL,
	"sealed" "bytea",
	"expires_at" timestamp with time zone,
	"issued_at" timestamp with time zone,
	"received_at" timestamp with time zone,
	"lifetime_s" integer,
	"has_refresh_token" boolean DEFAULT false NOT NULL,
	"token_type" text,
	"scope_granted" text,
	"fingerprint" text,
	"refresh_fingerprint" text,
	"refresh_due_at" timestamp with time zone,
	"renewable" boolean DEFAULT false NOT NULL,
	"lost_generation" integer,
	"lease_holder" text,
	"lease_until" timestamp with time zone,
	"fence" bigint DEFAULT 0 NOT NULL,
	"attempt" text,
	"sent_at" timestamp with time zone,
	"outcome" text,
	"failures" integer DEFAULT 0 NOT NULL,
	"suspect_since" timestamp with time zone,
	"problem" jsonb,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "token_state_tenant_id_secret_id_pk" PRIMARY KEY("tenant_id","secret_id")
);
--> statement-breakpoint
CREATE UNIQUE INDEX "api_keys_mac" ON "api_keys" USING btree ("key_mac");--> statement-breakpoint
CREATE INDEX "api_keys_workspace" ON "api_keys" USING btree ("tenant_id","workspace_id");--> statement-breakpoint
CREATE INDEX "memberships_user" ON "memberships" USING btree ("user_id");--> statement-breakpoint
CREATE UNIQUE INDEX "sessions_token" ON "sessions" USING btree ("token_mac");--> statement-breakpoint
CREATE INDEX "sessions_user" ON "sessions" USING btree ("tenant_id","user_id");--> statement-breakpoint
CREATE UNIQUE INDEX "users_email" ON "users" USING btree ("tenant_id","email_key");--> statement-breakpoint
CREATE INDEX "workspaces_contract" ON "workspaces" USING btree ("tenant_id","contract_id");--> statement-breakpoint
CREATE INDEX "audit_workspace" ON "audit_entries" USING btree ("tenant_id","workspace_id","id");--> statement-breakpoint
CREATE INDEX "audit_target" ON "audit_entries" USING btree ("tenant_id","target_id","id");--> statement-breakpoint
CREATE INDEX "auth_clients_workspace" ON "auth_clients" USING btree ("tenant_id","workspace_id");--> statement-breakpoint
CREATE INDEX "auth_clients_contract" ON "auth_clients" USING btree ("tenant_id","contract_id");--> statement-breakpoint
CREATE INDEX "components_contract" ON "components" USING btree ("tenant_id","contract_id");--> statement-breakpoint
CREATE INDEX "redirect_names_context" ON "redirect_names" USING btree ("tenant_id","context_id");--> statement-breakpoint
CREATE INDEX "oauth_attempts_secret" ON "oauth_attempts" USING btree ("tenant_id","secret_id");--> statement-breakpoint
CREATE UNIQUE INDEX "secrets_name" ON "secrets" USING btree ("tenant_id","workspace_id","name_key");--> statement-breakpoint
CREATE INDEX "secrets_client" ON "secrets" USING btree ("auth_client_id");--> statement-breakpoint
CREATE INDEX "token_state_due" ON "token_state" USING btree ("refresh_due_at") WHERE refresh_due_at is not null;--> statement-breakpoint
CREATE INDEX "token_state_workspace" ON "token_state" USING btree ("tenant_id","workspace_id");--> statement-breakpoint
CREATE INDEX "token_state_client" ON "token_state" USING btree ("auth_client_id");