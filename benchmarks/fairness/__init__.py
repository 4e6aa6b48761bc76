"""Tenant isolation: the latency of a light tenant, alone and with each of several heavy tenants."""
