// node node.js FOLDER_WITH_NODE_MODULES VERSION BASE TRANSPORT,TRANSPORT
// Tells the story with a version of socket.io-client; writes one line of JSON for each message that came.

require('./story.js');

const [folder, version, base, transports] = process.argv.slice(2);
const io = require(`${folder}/node_modules/socket.io-client-${version}`);

function fail(reason) {
  console.error(reason);
  process.exit(1);
}

const open = global.openSocketIo(io, base, transports.split(','), fail);
global.story(open, (line) => console.log(JSON.stringify(line)), () => {
  // The goodbye still has to be posted, where there is polling.
  setTimeout(() => process.exit(0), 500);
});
setTimeout(() => fail('nothing came of it in 30 s'), 30000);
