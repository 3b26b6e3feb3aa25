"""Live: subscriptions over WebSockets and event streams, fed by the outbox."""
