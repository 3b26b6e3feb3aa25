// The seats of a workspace: a list, and the change that gives one. Its row updates wherever it is shown.

import { graphql } from "relay-runtime";

export const query = graphql`
  query SeatListQuery($workspace: ID!) {
    workspace(id: $workspace) {
      ...SeatList_workspace
    }
  }
`;

export const list = graphql`
  fragment SeatList_workspace on Workspace
  @refetchable(queryName: "SeatListPageQuery")
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" }) {
    seats(first: $count, after: $cursor, orderBy: { field: EMAIL, direction: ASC }) @connection(key: "SeatList_seats") {
      edges {
        node {
          ...SeatList_seat
        }
      }
    }
  }
`;

export const seat = graphql`
  fragment SeatList_seat on Seat {
    id
    email
    state
    person {
      name
    }
  }
`;

export const assign = graphql`
  mutation SeatListAssignMutation($input: AssignSeatInput!) {
    assignSeat(input: $input) {
      __typename
      ... on Seat {
        ...SeatList_seat @alias(as: "row")
      }
      ... on Problem {
        message
      }
    }
  }
`;
