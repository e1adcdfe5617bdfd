import type { Permission } from "./permissions";

/** Role -> permissions at the level of the membership (CONTRACT section 5, "Default roles"). Core. */

const AUTH_CLIENTS: readonly Permission[] = [
  "global.auth_clients.get",
  "global.auth_clients.create",
  "global.auth_clients.edit",
  "global.auth_clients.delete",
];

const AUTH_SECRETS: readonly Permission[] = [
  "workspaces.auth_secret.get",
  "workspaces.auth_secret.get_credentials",
  "workspaces.auth_secret.create",
  "workspaces.auth_secret.edit",
  "workspaces.auth_secret.delete",
  "workspaces.auth_secret.refresh",
  "workspaces.auth_secret.use",
];

const ENDPOINTS: readonly Permission[] = [
  "workspaces.endpoint.get",
  "workspaces.endpoint.create",
  "workspaces.endpoint.edit",
  "workspaces.endpoint.delete",
];

const WEBHOOKS: readonly Permission[] = [
  "workspaces.webhook.get",
  "workspaces.webhook.create",
  "workspaces.webhook.edit",
  "workspaces.webhook.delete",
];

const workspaceIntegrator: readonly Permission[] = [
  ...AUTH_CLIENTS,
  ...AUTH_SECRETS,
  ...ENDPOINTS,
  ...WEBHOOKS,
  "workspaces.workspace.get",
  "workspaces.audit.get",
];
const workspaceAdmin: readonly Permission[] = [...workspaceIntegrator, "workspaces.workspace.edit"];
const contractAdmin: readonly Permission[] = [
  ...AUTH_CLIENTS,
  "contracts.contract.get",
  "contracts.workspace.create",
  "contracts.repository.get",
  "contracts.repository.edit",
  "workspaces.workspace.listAll",
];
const tenantAdmin: readonly Permission[] = [
  "tenants.auth_clients.get",
  "tenants.auth_clients.create",
  "tenants.auth_clients.edit",
  "tenants.auth_clients.delete",
  "tenants.tenant.get",
  "tenants.contract.create",
  "tenants.component.list_all",
  "tenants.user.list_all",
];
/** Where others are signed in, and ending that, is for who answers for the people (SES-2). */
const answersForPeople: readonly Permission[] = [
  ...tenantAdmin,
  "tenants.user.list_sessions",
  "tenants.user.end_sessions",
];

export const ROLES = {
  /**
   * The instance's operator: global auth clients, how the instance is set up, and `tenants.*` at the instance: which tenants there
   * are (that one counts in every tenant, lib/access/caller.ts), everybody's name and sessions. What may lead to a value, such as
   * `tenants.tenant.edit`, needs a membership in the tenant.
   */
  instance: { operator: [...AUTH_CLIENTS, "global.instance.get", ...answersForPeople] },
  tenant: { owner: [...answersForPeople, "tenants.tenant.edit"], admin: tenantAdmin, member: ["tenants.tenant.get"] },
  contract: {
    owner: contractAdmin,
    admin: contractAdmin,
    member: ["contracts.contract.get", "contracts.repository.get"],
  },
  workspace: {
    owner: workspaceAdmin,
    admin: workspaceAdmin,
    integrator: workspaceIntegrator,
    guest: [
      "global.auth_clients.get",
      "workspaces.auth_secret.get",
      "workspaces.endpoint.get",
      "workspaces.workspace.get",
    ],
  },
} as const satisfies Record<string, Record<string, readonly Permission[]>>;

export type MembershipKind = keyof typeof ROLES;

/** The permissions of a role; an unknown role holds none. */
export function permissionsOf(kind: MembershipKind, role: string): readonly Permission[] {
  return (ROLES[kind] as Record<string, readonly Permission[]>)[role] ?? [];
}
