//! Teams: one a member at most, of their own account, and only while it is active.

use std::time::Duration;

use serde_json::json;

use crate::support::{ADA, TestApp};

const BOB: &str = "bob@example.com";

#[tokio::test]
async fn a_team_is_made_filled_renamed_and_deleted() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    let made = ada.post("/teams", json!({"name": " Support "})).await;
    assert_eq!(made.header("location"), "/teams/1");
    insta::assert_json_snapshot!(made.done(), @r#"
    {
      "id": 1,
      "name": "Support",
      "active": true,
      "members": 0,
      "createdAt": "2026-11-23T08:00:00.000Z",
      "updatedAt": "2026-11-23T08:00:00.000Z"
    }
    "#);
    let bob = ada.post("/users", json!({"email": BOB, "teamId": 1})).await.done();
    assert_eq!(bob["teamId"], 1);
    assert_eq!(ada.get("/teams/1").await.done()["members"], 1);
    assert_eq!(ada.get("/users?teamId=1").await.done()["items"][0]["email"], BOB);
    ada.post("/teams", json!({"name": "Ärzte"})).await.done();
    let renamed = ada.patch("/teams/1", json!({"name": "Zebra"})).await.done();
    assert_eq!((&renamed["name"], &renamed["active"]), (&json!("Zebra"), &json!(true)));
    let list = ada.get("/teams").await.done();
    let names: Vec<_> = list["items"].as_array().unwrap().iter().map(|team| &team["name"]).collect();
    assert_eq!(names, ["Ärzte", "Zebra"]);
    assert_eq!(ada.delete("/teams/1").await.status, 204);
    assert_eq!(ada.get("/users/2").await.done().get("teamId"), None, "its members stay, in no team");
    let events = ada.get("/events?limit=500").await.done();
    let told: Vec<_> =
        events["items"].as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap()).collect();
    for name in ["team_created", "team_updated", "team_deleted"] {
        assert!(told.contains(&name), "{name}");
    }
}

#[tokio::test]
async fn nobody_is_put_into_a_team_that_is_not_active() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    ada.post("/teams", json!({"name": "Support"})).await.done();
    ada.post("/users", json!({"email": BOB, "teamId": 1})).await.done();
    assert_eq!(ada.patch("/teams/1", json!({"active": false})).await.done()["members"], 1, "those in it stay");
    let refused = ada.post("/users", json!({"email": "x@example.com", "teamId": 1})).await;
    insta::assert_snapshot!(refused.error(), @"400 team_inactive: teamId: Team 1 is not active.");
    assert!(ada.patch("/users/1/membership", json!({"teamId": 1})).await.error().starts_with("400 team_inactive"));
    ada.patch("/users/2/membership", json!({"teamId": 1, "roles": []})).await.done();
    ada.patch("/teams/1", json!({"active": true})).await.done();
    ada.patch("/users/1/membership", json!({"teamId": 1})).await.done();
}

#[tokio::test]
async fn names_are_one_each_and_lines() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    ada.post("/teams", json!({"name": "Support"})).await.done();
    let error = async |name: &str| ada.post("/teams", json!({"name": name})).await.error();
    insta::assert_snapshot!(error("SUPPORT").await, @"409 team_exists: There is a team SUPPORT already.");
    insta::assert_snapshot!(error("").await, @"400 name_missing: name: Enter a name for the team.");
    insta::assert_snapshot!(error("a\nb").await, @"400 invalid_name: name: A name is a single line, without control characters.");
    insta::assert_snapshot!(error(&"x".repeat(201)).await, @"400 name_too_long: name: A name has at most 200 characters.");
    ada.patch("/teams/1", json!({"name": "SUPPORT"})).await.done();
}

#[tokio::test]
async fn a_team_of_another_account_is_not_there() {
    let test = TestApp::new();
    test.account("2312", "Other", "eve@example.com");
    test.client(ADA, "2311").post("/teams", json!({"name": "Support"})).await.done();
    let eve = test.client("eve@example.com", "2312");
    let refused = eve.post("/users", json!({"email": BOB, "teamId": 1})).await.error();
    insta::assert_snapshot!(refused, @"400 unknown_team: teamId: There is no team 1 in this account.");
    assert!(eve.patch("/users/2/membership", json!({"teamId": 1})).await.error().starts_with("400 unknown_team"));
    assert_eq!(eve.get("/users?teamId=1").await.done()["items"], json!([]));
    eve.post("/teams", json!({"name": "Support"})).await.done();
}

#[tokio::test]
async fn a_change_to_what_it_is_already_leaves_a_team_as_it_was() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    let made = ada.post("/teams", json!({"name": "Support"})).await.done();
    test.advance(Duration::from_mins(1));
    let before = test.rows();
    for patch in [json!({}), json!({"name": " Support "}), json!({"name": "Support", "active": true})] {
        assert_eq!(ada.patch("/teams/1", patch).await.done(), made);
    }
    assert_eq!(test.rows(), before);
}
