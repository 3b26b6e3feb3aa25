// The list of invoices: a fragment that brings its own pages.

import { graphql } from "relay-runtime";

export const query = graphql`
  query InvoiceListQuery($account: ID!) {
    account(id: $account) {
      name
      ...InvoiceList_account
    }
  }
`;

export const list = graphql`
  fragment InvoiceList_account on Account
  @refetchable(queryName: "InvoiceListPageQuery")
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" }) {
    invoices(first: $count, after: $cursor, orderBy: { field: CREATED_AT, direction: DESC })
      @connection(key: "InvoiceList_invoices") {
      edges {
        node {
          id
          ...InvoiceList_row
        }
      }
    }
  }
`;

export const row = graphql`
  fragment InvoiceList_row on Invoice @refetchable(queryName: "InvoiceListRowQuery") {
    number
    state
    overdue
    total {
      minor
      currency
      text
    }
  }
`;

export const followed = graphql`
  subscription InvoiceListSubscription($account: ID!, $after: String) {
    invoiceChanged(account: $account, after: $after) {
      cursor
      event
      invoice {
        id
        ...InvoiceList_row
      }
    }
  }
`;
