// Nothing but the flow: no editor, no history, loopback only.
module.exports = {
  flowFile: "flows.json",
  disableEditor: true,
  httpAdminRoot: false,
  uiHost: "127.0.0.1",
  uiPort: Number(process.env.UI_PORT || 0),
  logging: { console: { level: "warn" } },
};
