/** The values of `format` that are enforced, as regular expressions of a whole string. */

const octet = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const ipv4 = `${octet}(\\.${octet}){3}`;

const year = "\\d{4}";
const leapYear = "(\\d\\d(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)";
const date =
  `(${year}-((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\d|30)|02-(0[1-9]|1\\d|2[0-8]))` +
  `|${leapYear}-02-29)`;
const hourMinute = "([01]\\d|2[0-3]):[0-5]\\d";
const time = `${hourMinute}:[0-5]\\d(\\.\\d{1,9})?(Z|[+-]${hourMinute})`;

const label = "[A-Za-z0-9]([A-Za-z0-9-]{0,58}[A-Za-z0-9])?";
const hostname = `${label}(\\.${label}){0,3}`;
const localPart = "[A-Za-z0-9_+-]{1,20}(\\.[A-Za-z0-9_+-]{1,20}){0,2}";
const email = `${localPart}@(${label}\\.){1,3}[A-Za-z]{2,20}`;

const pathChar = "[A-Za-z0-9._~!$&'()*+,;=:@-]";
const uri = `https?://${hostname}(:[1-9]\\d{0,3})?(/${pathChar}*)*(\\?(${pathChar}|[/?])*)?(#(${pathChar}|[/?])*)?`;

const n = "\\d{1,4}";
const days = `(${n}Y(${n}M)?(${n}D)?|${n}M(${n}D)?|${n}D)`;
const hours = `T(${n}H(${n}M)?(${n}S)?|${n}M(${n}S)?|${n}S)`;

/** RFC 4291, section 2.2, without the forms that end in an IPv4 address. */
function ipv6(): string {
  const groups = (count: number) => (count === 0 ? "" : `[0-9a-fA-F]{1,4}(:[0-9a-fA-F]{1,4}){${count - 1}}`);
  const forms = [groups(8)];
  for (let left = 0; left <= 7; left++)
    for (let right = 0; left + right <= 7; right++) forms.push(`${groups(left)}::${groups(right)}`);
  return `(${forms.join("|")})`;
}

export const formats: Readonly<Record<string, string>> = {
  date,
  time,
  "date-time": `${date}T${time}`,
  duration: `P(${days}(${hours})?|${hours}|${n}W)`,
  uuid: "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
  ipv4,
  ipv6: ipv6(),
  hostname,
  email,
  uri,
};
