"""python3-h2 as a client of the server on port 8000."""
import socket

import h2.config
import h2.connection
import h2.events


def check(name, want, got):
    print(f"ok http2/{name}" if want == got else f"not ok http2/{name}: expected {want}, got {got}")


def talk(sock, conn, ids):
    """Until all of these streams have ended: their statuses and bodies."""
    bodies = {i: b"" for i in ids}
    statuses, ended = {}, set()
    while ended != set(ids):
        data = sock.recv(65536)
        if not data:
            break
        for event in conn.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                statuses[event.stream_id] = int(dict(event.headers)[b":status"])
            elif isinstance(event, h2.events.DataReceived):
                bodies[event.stream_id] += event.data
                conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                ended.add(event.stream_id)
        sock.sendall(conn.data_to_send())
    return statuses, bodies


sock = socket.create_connection(("127.0.0.1", 8000), 10)
conn = h2.connection.H2Connection(config=h2.config.H2Configuration(client_side=True))
conn.initiate_connection()
ids = []
for n in range(20):
    i = conn.get_next_available_stream_id()
    path = f"/items/{n}" if n else "/openapi.json"
    conn.send_headers(i, [(":method", "GET"), (":scheme", "http"), (":authority", "127.0.0.1:8000"), (":path", path)], end_stream=True)
    ids.append(i)
sock.sendall(conn.data_to_send())
statuses, bodies = talk(sock, conn, ids)
check("python_gets_20_at_once", [200] * 20, [statuses.get(i) for i in ids])
check("python_reads_bodies", True, bodies[ids[0]].startswith(b'{"openapi"') and bodies[ids[3]] == b'{"item_id":3,"q":null}')
conn.close_connection()
sock.sendall(conn.data_to_send())
sock.close()
