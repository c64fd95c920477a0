// An SMSC made of node-smpp: told what to do in JSON lines, and telling what came over the wire in the same.
// Octets are {"hex": "..."} both ways.
'use strict';
const readline = require('readline');
const smpp = require('smpp');

const [systemId, password] = process.argv.slice(2);
const parts = new Map();
let bound = null;
let ids = 0xa1;

function tell(event) {
  const said = JSON.stringify(event, (_, value) =>
    value && value.type === 'Buffer' ? {hex: Buffer.from(value.data).toString('hex')} : value);
  process.stdout.write(said + '\n');
}

// The text of a submit_sm by the package's own reading of header and alphabet; null before its last part is here.
function whole(pdu) {
  const {udh, message} = pdu.short_message;
  const header = (udh || []).find((each) => each[0] === 0x00);
  if (!header) return message;
  const [, , reference, total, number] = header;
  const key = [pdu.source_addr, pdu.destination_addr, reference, total].join();
  const found = parts.get(key) || new Map();
  parts.set(key, found.set(number, message));
  if (found.size < total) return null;
  parts.delete(key);
  return [...found.keys()].sort((a, b) => a - b).map((each) => found.get(each)).join('');
}

const server = smpp.createServer((session) => {
  session.on('bind_transceiver', (pdu) => {
    if (pdu.system_id !== systemId || pdu.password !== password) {
      session.send(pdu.response({command_status: smpp.ESME_RBINDFAIL}));
      session.close();
      return;
    }
    bound = session;
    session.send(pdu.response({system_id: 'node'}));
    tell({event: 'bound', version: pdu.interface_version});
  });
  session.on('submit_sm', (pdu) => {
    const messageId = (ids++).toString(16);
    session.send(pdu.response({message_id: messageId}));
    tell({event: 'submit_sm', pdu, messageId, whole: whole(pdu)});
  });
  session.on('enquire_link', (pdu) => {
    session.send(pdu.response());
    tell({event: 'enquire_link'});
  });
  session.on('unbind', (pdu) => {
    session.send(pdu.response());
    session.close();
    tell({event: 'unbind'});
  });
  session.on('unknown', (pdu) => tell({event: 'unknown', pdu}));
  session.on('error', (error) => tell({event: 'error', error: String(error)}));
});

server.listen(0, '127.0.0.1', () => tell({event: 'listening', port: server.address().port}));

readline.createInterface({input: process.stdin}).on('line', (line) => {
  const order = JSON.parse(line, (_, value) => (value && value.hex !== undefined ? Buffer.from(value.hex, 'hex') : value));
  bound[order.command](order.with, (pdu) => tell({event: 'answered', command: pdu.command, status: pdu.command_status}));
}).on('close', () => process.exit(0));
