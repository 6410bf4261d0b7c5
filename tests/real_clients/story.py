"""story.py BASE: tells the story (see story.js) with Python's websocket-client; writes one line of JSON for each message that came."""

import json
import sys

import websocket

TEXT = "a é 漢 😀 e\u0301 🇩🇪"
ANSWER = "¿ö 字 🙂?"
PATHS = {"agent": "/v3.0/agent/rtm/ws", "customer": "/customer/v0.3/rtm/ws?license_id=1&bh=7"}


class Person:
    def __init__(self, base, role):
        self.role = role
        self.socket = websocket.create_connection(base.replace("http", "ws", 1) + PATHS[role], timeout=30)
        self.sent = 0

    def ask(self, action, payload):
        """Sends a request and returns the payload of its answer."""
        self.sent += 1
        request = {"request_id": self.role[0] + str(self.sent), "action": action, "payload": payload}
        self.socket.send(json.dumps(request, ensure_ascii=False))
        answer = self.hear(lambda message: message["type"] == "response" and message["action"] == action)
        if not answer["success"]:
            sys.exit(f"{action} was refused: {answer}")
        return answer.get("payload")

    def hear(self, wanted):
        while True:
            message = json.loads(self.socket.recv())
            print(json.dumps({"who": self.role, "over": "websocket", "message": message}))
            if wanted(message):
                return message

    def hear_text(self, text):
        self.hear(lambda message: message["action"] == "incoming_event" and message["payload"]["event"]["text"] == text)


agent = Person(sys.argv[1], "agent")
agent.ask("login", {"token": "Bearer agent:amy@example.com"})
customer = Person(sys.argv[1], "customer")
customer.ask("login", {"token": "Bearer customer:carl", "customer": {"name": TEXT}})
chat = customer.ask("start_chat", {})["chat"]["id"]
customer.ask("send_event", {"chat_id": chat, "event": {"type": "message", "text": TEXT}})
agent.hear_text(TEXT)
agent.ask("send_event", {"chat_id": chat, "event": {"type": "message", "text": ANSWER}})
customer.hear_text(ANSWER)
for person in (customer, agent):
    person.socket.ping()
    person.socket.close()
