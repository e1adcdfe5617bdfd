/** Every permission, once, with what it allows (CONTRACT section 5; those marked "ours" are additions of API.md). Core. */
export const PERMISSIONS = {
  "global.auth_clients.get": "See auth clients and, at their own level, their credentials",
  "global.auth_clients.create": "Create auth clients",
  "global.auth_clients.edit": "Edit auth clients",
  "global.auth_clients.delete": "Delete unused auth clients",
  "global.instance.get": "See how the instance is set up",
  "tenants.auth_clients.get": "See the tenant's auth clients and their credentials",
  "tenants.auth_clients.create": "Create auth clients for the whole tenant",
  "tenants.auth_clients.edit": "Edit the tenant's auth clients",
  "tenants.auth_clients.delete": "Delete the tenant's unused auth clients",
  "contracts.auth_clients.get": "See the contract's auth clients and their credentials",
  "contracts.auth_clients.create": "Create auth clients for the whole contract",
  "contracts.auth_clients.edit": "Edit the contract's auth clients",
  "contracts.auth_clients.delete": "Delete the contract's unused auth clients",
  "workspaces.auth_clients.get": "See the workspace's auth clients and their credentials",
  "workspaces.auth_clients.create": "Create auth clients for the workspace",
  "workspaces.auth_clients.edit": "Edit the workspace's auth clients",
  "workspaces.auth_clients.delete": "Delete the workspace's unused auth clients",
  "workspaces.auth_secret.get": "See secrets, their status and history, without their values",
  "workspaces.auth_secret.get_credentials": "Read everything in a secret",
  "workspaces.auth_secret.create": "Add secrets",
  "workspaces.auth_secret.edit": "Edit secrets, authorize them, forget their tokens",
  "workspaces.auth_secret.delete": "Delete secrets",
  "workspaces.auth_secret.refresh": "Have a token refreshed now",
  "workspaces.auth_secret.use": "Use a secret, or its current access token, without reading everything in it",
  "workspaces.endpoint.get": "See endpoints: who may pass, by which secrets",
  "workspaces.endpoint.create": "Add endpoints",
  "workspaces.endpoint.edit": "Edit endpoints, open them to everybody",
  "workspaces.endpoint.delete": "Delete endpoints",
  "workspaces.workspace.get": "See the workspace",
  "workspaces.workspace.edit": "Edit the workspace and its task identities",
  "workspaces.workspace.listAll": "See every workspace of the contract",
  "workspaces.audit.get": "See what happened in the workspace",
  "workspaces.webhook.get": "See webhooks, their addresses and what was delivered",
  "workspaces.webhook.create": "Add webhooks",
  "workspaces.webhook.edit": "Edit and test webhooks, deliver messages again, make new signing secrets",
  "workspaces.webhook.delete": "Delete webhooks",
  "contracts.contract.get": "See the contract",
  "contracts.workspace.create": "Create workspaces",
  "contracts.repository.get": "See the contract's components",
  "contracts.repository.edit": "Register and delete components",
  "tenants.tenant.get": "See the tenant",
  "tenants.tenant.edit": "Decide for the tenant whether values may be shown to people",
  "tenants.contract.create": "Create contracts",
  "tenants.component.list_all": "See every component of the tenant",
  "tenants.user.list_all": "See the people of the tenant",
  "tenants.user.list_sessions": "See where the people of the tenant are signed in",
  "tenants.user.end_sessions": "Sign people of the tenant out",
} as const;

export type Permission = keyof typeof PERMISSIONS;

export function isPermission(text: string): text is Permission {
  return Object.hasOwn(PERMISSIONS, text);
}

/** Holding the first implies the second. */
export const IMPLIES: Partial<Record<Permission, readonly Permission[]>> = {
  "workspaces.auth_secret.get_credentials": ["workspaces.auth_secret.use", "workspaces.auth_secret.get"],
};

export const AUTH_CLIENT_ACTIONS = ["get", "create", "edit", "delete"] as const;
export type AuthClientAction = (typeof AUTH_CLIENT_ACTIONS)[number];

/** What a task identity holds unless narrowed at creation (API.md). */
export const TASK_PERMISSIONS: readonly Permission[] = [
  "workspaces.auth_secret.get",
  "workspaces.auth_secret.get_credentials",
  "workspaces.auth_secret.use",
  "workspaces.auth_secret.refresh",
  "workspaces.auth_clients.get",
];
