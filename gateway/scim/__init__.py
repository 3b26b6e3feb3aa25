"""The door of directories: SCIM 2.0 at /scim/v2.

door       HTTP: whose token, how long a body, which path; and every refusal as SCIM says it
service    the protocol: scim2-server's, where we read leniently what Okta and Entra write
storage    what it keeps resources in: our rows
filters    its filters as conditions in SQL
resources  what we serve, and what we say of ourselves
"""
