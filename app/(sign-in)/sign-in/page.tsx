import type { Metadata } from "next";
import { redirect } from "next/navigation";
import { Gate } from "@/components/accounts/gate";
import { HostName } from "@/components/accounts/host-name";
import { safePath } from "@/components/accounts/safe-path";
import { SignInForm } from "@/components/accounts/sign-in-form";
import { currentCaller } from "@/lib/accounts/session";

export const metadata: Metadata = { title: "Sign in" };

export default async function SignInPage({ searchParams }: { searchParams: Promise<{ from?: string | string[] }> }) {
  const from = safePath((await searchParams).from);
  if (await currentCaller()) redirect(from);
  return (
    <Gate title="Sign in to Latchkey" sub={<HostName />}>
      <SignInForm from={from} />
      <p className="small muted mt-6">
        Forgot it? Whoever runs this server can make a reset link with <code>npm run reset-password</code>.
      </p>
    </Gate>
  );
}
