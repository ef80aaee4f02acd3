//! Runs the case files.

use sopwith_sdk::testing::{CasesFailed, check_cases};

#[test]
fn every_case_file_holds() -> Result<(), CasesFailed> {
    let checked = check_cases::<crate::Plugin>("cases")?;
    println!("{} rules, {} cases", checked.rules, checked.cases);
    assert_eq!(checked.rules, 18);
    Ok(())
}
