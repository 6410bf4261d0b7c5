// What is told over every transport: an agent and a customer log in, the customer starts a chat and says something, the agent
// answers, and both leave. In node and in a page; it knows nothing but how to open a connection.
//
// open(role, heard) opens one and returns { send(message), over(), close() }; `heard` is called with each message that arrives.
// note(line) writes down what came: { who, over, message }. done() is called once, when both have heard what they were waiting for.

(function (global) {
  // One, two, three and four bytes in UTF-8, a combining mark, a flag of two characters.
  var TEXT = 'a é 漢 😀 e\u0301 🇩🇪';
  var ANSWER = '¿ö 字 🙂?';

  global.story = function (open, note, done) {
    var people = {};

    function join(role, hears) {
      people[role] = open(role, function (message) {
        note({ who: role, over: people[role].over(), message: message });
        hears(message);
      });
    }

    function ask(role, id, action, payload) {
      people[role].send({ request_id: id, action: action, payload: payload });
    }

    function isAnswer(message, action) {
      if (message.action === action && message.type === 'response') {
        if (!message.success) throw new Error(action + ' was refused');
        return true;
      }
      return false;
    }

    // Answering waits for the customer's own push, so that there is one order of things.
    var chat, asked = false, answered = false;

    join('agent', function (message) {
      if (isAnswer(message, 'login')) enter();
      if (message.action === 'incoming_chat_thread') chat = message.payload.chat.id;
      if (message.action === 'incoming_event' && message.payload.event.text === TEXT && !asked) {
        asked = true;
        ask('agent', 'a2', 'send_event', { chat_id: chat, event: { type: 'message', text: ANSWER } });
      }
    });
    ask('agent', 'a1', 'login', { token: 'Bearer agent:amy@example.com' });

    function enter() {
      join('customer', function (message) {
        if (isAnswer(message, 'login')) ask('customer', 'c2', 'start_chat', {});
        if (isAnswer(message, 'start_chat')) {
          var event = { type: 'message', text: TEXT };
          ask('customer', 'c3', 'send_event', { chat_id: message.payload.chat.id, event: event });
        }
        if (message.action === 'incoming_event' && message.payload.event.text === ANSWER && !answered) {
          answered = true;
          people.customer.close();
          people.agent.close();
          done();
        }
      });
      ask('customer', 'c1', 'login', { token: 'Bearer customer:carl', customer: { name: TEXT } });
    }
  };

  // Connections of the old socket.io clients, by their `io`.
  global.openSocketIo = function (io, base, transports, failed) {
    var paths = { agent: '/v3.0/agent/rtm/sio', customer: '/customer/v0.3/rtm/sio' };
    return function (role, heard) {
      var options = { path: paths[role], transports: transports, forceNew: true, reconnection: false };
      options.query = 'license_id=1';
      var socket = io(base, options);
      ['connect_error', 'error'].forEach(function (name) {
        socket.on(name, function (error) { failed(role + ': ' + name + ': ' + (error.stack || error)); });
      });
      socket.on('message', heard);
      return {
        send: function (message) { socket.emit('message', message); },
        over: function () { return socket.io.engine ? socket.io.engine.transport.name : 'nothing'; },
        close: function () { socket.disconnect(); },
      };
    };
  };

  // Plain websockets.
  global.openWebSocket = function (WebSocket, base, failed) {
    var paths = { agent: '/v3.0/agent/rtm/ws', customer: '/customer/v0.3/rtm/ws?license_id=1' };
    return function (role, heard) {
      var socket = new WebSocket(base.replace('http', 'ws') + paths[role]);
      var early = [];
      socket.onopen = function () { early.forEach(function (text) { socket.send(text); }); early = null; };
      socket.onerror = function () { failed(role + ': the websocket failed'); };
      socket.onmessage = function (event) { heard(JSON.parse(event.data)); };
      return {
        send: function (message) {
          var text = JSON.stringify(message);
          if (early) early.push(text); else socket.send(text);
        },
        over: function () { return 'websocket'; },
        close: function () { socket.close(); },
      };
    };
  };
})(typeof window === 'undefined' ? global : window);
