// Answers for the hosts mta-sts, autoconfig and autodiscover of any mail domain. TEXTS stands above, put there by
// worker.py. Nothing is stored, and nothing is asked of anybody else.

const ROUTES = {
  "mta-sts": { "/.well-known/mta-sts.txt": mtaSts },
  autoconfig: {
    "/": page,
    "/mail/config-v1.1.xml": thunderbird,
    "/.well-known/autoconfig/mail/config-v1.1.xml": thunderbird,
    "/apple.mobileconfig": apple,
  },
  autodiscover: {
    "/autodiscover/autodiscover.xml": outlook,
    "/autodiscover/autodiscover.json": outlookAddress,
  },
};

export default {
  async fetch(request) {
    const url = new URL(request.url);
    const [label, ...rest] = url.hostname.split(".");
    // Outlook spells its path in more than one way, and puts an address behind that of its newer question.
    const path = label === "autodiscover" ? url.pathname.toLowerCase().replace(/(\.json)\/.*$/, "$1") : url.pathname;
    const answer = ROUTES[label]?.[path];
    if (!answer) return text("There is nothing here.\n", { status: 404 });
    const methods = answer === outlook ? ["GET", "HEAD", "POST"] : ["GET", "HEAD"];
    if (!methods.includes(request.method)) {
      return text("This is not how to ask.\n", { status: 405, headers: { Allow: methods.join(", ") } });
    }
    return answer(rest.join("."), url, request);
  },
};

function mtaSts(domain) {
  const policy = TEXTS.policies[TEXTS.modes[domain] ?? TEXTS.mode];
  return policy ? text(policy) : text("There is no policy.\n", { status: 404 });
}

// Thunderbird puts the mailbox in by itself; what it asks with is not needed.
function thunderbird(domain) {
  return xml(filled(TEXTS.autoconfig, domain, "%EMAILADDRESS%"));
}

async function outlook(domain, url, request) {
  const body = request.method === "POST" ? await request.text() : "";
  const asked = /<EMailAddress>\s*([^<]*?)\s*<\/EMailAddress>/i.exec(body)?.[1] ?? url.searchParams.get("email");
  const local = localPart(asked, domain);
  return local === null ? refused(domain) : xml(filled(TEXTS.autodiscover, domain, local));
}

// https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxdisco: where the settings are, as JSON.
function outlookAddress(domain, url) {
  const protocol = [...url.searchParams].find(([name]) => name.toLowerCase() === "protocol")?.[1] ?? "";
  if (protocol.toLowerCase() !== "autodiscoverv1") {
    const said = { ErrorCode: "InvalidProtocol", ErrorMessage: "The only protocol here is AutodiscoverV1." };
    return Response.json(said, { status: 400 });
  }
  return Response.json({
    Protocol: "AutodiscoverV1",
    Url: `https://autodiscover.${domain}/autodiscover/autodiscover.xml`,
  });
}

async function apple(domain, url) {
  const local = localPart(url.searchParams.get("address"), domain);
  if (local === null) return refused(domain);
  const identifier = `${domain.split(".").reverse().join(".")}.mail.${local}`;
  let profile = TEXTS.apple;
  for (const [place, suffix] of profile.matchAll(/\{\{uuid([^}]*)\}\}/g)) {
    profile = profile.replace(place, await uuid(identifier + suffix));
  }
  profile = filled(profile.replaceAll("{{identifier}}", () => escaped(identifier)), domain, local);
  return text(profile, {
    headers: {
      "Content-Type": "application/x-apple-aspen-config",
      "Content-Disposition": `attachment; filename="${domain}.mobileconfig"`,
    },
  });
}

function page(domain) {
  const name = escaped(domain);
  return text(
    `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mail at ${name}</title>
<style>body { font: 1rem/1.5 system-ui; max-width: 34rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark }
input, button { font: inherit; padding: .4rem }</style>
<h1>Mail at ${name}</h1>
<p>Thunderbird, Outlook and others find their settings by themselves: enter your address and your password there.</p>
<p>On an iPhone, iPad or Mac, get a profile, then open the settings, where it waits to be installed:</p>
<form action="/apple.mobileconfig">
<label>Your address <input type="email" name="address" placeholder="you@${name}" required></label>
<button>Get the profile</button>
</form>
</html>
`,
    { headers: { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'" } },
  );
}

// What stands before the @ of an address in the domain, or null for anything else.
function localPart(address, domain) {
  const [, local, home] = /^([^\s@<>"'&\\]{1,64})@([^\s@]+)$/.exec(address ?? "") ?? [];
  return home?.toLowerCase() === domain ? local.toLowerCase() : null;
}

function refused(domain) {
  return text(`Expected an address in ${domain}.\n`, { status: 400 });
}

function filled(template, domain, local) {
  const address = local === "%EMAILADDRESS%" ? local : `${local}@${domain}`;
  return template
    .replaceAll("{{local}}@{{domain}}", () => escaped(address))
    .replaceAll("{{local}}", () => escaped(local))
    .replaceAll("{{domain}}", () => escaped(domain));
}

function escaped(value) {
  return value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

// Version 5 (RFC 9562, section 5.5) in the name space of DNS: the same name gives the same identifier.
async function uuid(name) {
  const space = Uint8Array.from("6ba7b8109dad11d180b400c04fd430c8".match(/../g), (pair) => parseInt(pair, 16));
  const bytes = new Uint8Array([...space, ...new TextEncoder().encode(name)]);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-1", bytes)).slice(0, 16);
  hash[6] = (hash[6] & 0x0f) | 0x50;
  hash[8] = (hash[8] & 0x3f) | 0x80;
  const digits = [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5").toUpperCase();
}

function xml(body) {
  return text(body, { headers: { "Content-Type": "text/xml; charset=utf-8" } });
}

function text(body, { status = 200, headers = {} } = {}) {
  return new Response(body, { status, headers: { "Content-Type": "text/plain; charset=utf-8", ...headers } });
}
